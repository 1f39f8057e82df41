import fc from 'fast-check'
import { expect, test } from 'vitest'
import { arbitraryStacks, callTreeOf, stacksOf } from '../../tests/fixtures/call-tree.ts'
import { decodeColumns } from '../../tests/fixtures/decode-columns.ts'
import type { ColumnsHeader } from '../api.ts'
import { sumUp } from './call-tree.ts'
import { encodeColumns } from './columns.ts'
import { describeFrame } from './functions.ts'
import type { Layout } from './layout.ts'
import { layOut } from './layout.ts'
import type { Sums } from './sums.ts'

const SIDE: ColumnsHeader['a'] = {
  query: '{service="ü"}',
  from: '2026-11-25T00:00:00.000Z',
  to: '2026-11-25T01:00:00.000Z',
  total: 1,
  profiles: 1,
  samples: 1,
  hosts: 1,
  hostSeconds: 1,
  brokenShare: 0,
}
const HEADER = { type: 't', unit: 'u', a: SIDE, truncated: null, source: 'profiles' }

function checkAgainst(layout: Layout, confidence: Float64Array | null): void {
  const decoded = decodeColumns(encodeColumns(layout, HEADER, confidence))
  expect(decoded.sides).toBe(layout.flat.length)
  expect(decoded.header).toMatchObject(HEADER)
  expect(decoded.functions).toEqual(layout.frames.map(describeFrame))
  expect([...decoded.function]).toEqual([...layout.frame])
  expect([...decoded.childCount]).toEqual([...layout.childCount])
  expect([...decoded.parent]).toEqual([...layout.parent])
  for (const [side, flat] of layout.flat.entries()) {
    const values = Array.from({ length: layout.nodes }, (_, i) => flat.approximate(i))
    expect([...(decoded.flat[side] as Float64Array)]).toEqual(values)
    const cum = Array.from({ length: layout.nodes }, (_, i) =>
      (layout.cum[side] as Sums).approximate(i),
    )
    expect([...(decoded.cum[side] as Float64Array)]).toEqual(cum)
  }
  if (confidence !== null)
    expect([...(decoded.confidence ?? [])]).toEqual(
      Array.from(confidence, (c) => Math.round(255 * c)),
    )
}

test('what is decoded is what was laid out', () => {
  fc.assert(
    fc.property(
      fc
        .integer({ min: 1, max: 2 })
        .chain((sides) => arbitraryStacks(sides).map((s) => [sides, s] as const)),
      fc.integer({ min: 1, max: 60 }),
      ([sides, stacks], maxNodes) => {
        const tree = sumUp(callTreeOf(stacks, sides))
        const layout = layOut(tree, { scales: [1, 1].slice(0, sides), maxNodes })
        const confidence = Float64Array.from({ length: layout.nodes }, (_, i) => (i % 11) / 10)
        checkAgainst(layout, sides === 2 ? confidence : null)
      },
    ),
  )
})

test('names may hold line ends, NUL and any script', () => {
  const stacks = stacksOf('main;🔥\\n;lib.so!ünïcode@src/ä.rs 5')
  const layout = layOut(sumUp(callTreeOf(stacks, 1)), { scales: [1], maxNodes: 10 })
  const frames = layout.frames.map((frame) =>
    frame.name === 'main' ? { ...frame, name: 'a\nb\0c' } : frame,
  )
  checkAgainst({ ...layout, frames }, null)
})

test('the frames used most come first', () => {
  const layout = layOut(sumUp(callTreeOf(stacksOf('a;x 1\nb;x 1\nc;x 1\nd 1'), 1)), {
    scales: [1],
    maxNodes: 10,
  })
  expect(layout.frames[0]?.name).toBe('x')
})
