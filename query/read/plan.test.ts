import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseSelector } from '../selector.ts'
import type { Part } from './plan.ts'
import { nameSource, planParts } from './plan.ts'

const scope = (selector: string, from: number, to: number) => ({
  selector: parseSelector(selector),
  type: 't',
  range: { fromMs: from * 1000, toMs: to * 1000 },
})

const shown = (parts: readonly Part[]) =>
  parts.map(({ table, seconds }) => `${table} ${seconds.from}-${seconds.to}`)

test('whole buckets come from the rollup, the ragged ends from profiles', () => {
  expect(shown(planParts(scope('{service="a", version=~"v.*"}', 700, 2500)))).toEqual([
    'profiles 700-1200',
    'stack_10m 1200-2400',
    'profiles 2400-2500',
  ])
  expect(shown(planParts(scope('', 600, 1200)))).toEqual(['stack_10m 600-1200'])
})

test('less than a bucket, or any other label, comes from profiles', () => {
  expect(shown(planParts(scope('{service="a"}', 700, 1100)))).toEqual(['profiles 700-1100'])
  expect(shown(planParts(scope('{host="a"}', 600, 1200)))).toEqual(['profiles 600-1200'])
})

test('the parts are the range, without gap or overlap', () => {
  fc.assert(
    fc.property(fc.nat(5_000_000), fc.integer({ min: 1, max: 5_000_000 }), (fromMs, lengthMs) => {
      const range = { fromMs, toMs: fromMs + lengthMs }
      const parts = planParts({ selector: [], type: 't', range })
      const from = Math.ceil(range.fromMs / 1000)
      const to = Math.ceil(range.toMs / 1000)
      // A range between two whole seconds holds no window's start.
      if (from === to) return
      let at = from
      for (const { seconds } of parts) {
        expect(seconds.from).toBe(at)
        expect(seconds.to).toBeGreaterThan(at)
        at = seconds.to
      }
      expect(at).toBe(to)
    }),
  )
})

test('the source names each table once', () => {
  expect(nameSource(planParts(scope('', 700, 2500)))).toBe('profiles+stack_10m')
})
