import fc from 'fast-check'
import { expect, test } from 'vitest'
import { arbitraryStacks, callTreeOf, stacksOf } from '../../tests/fixtures/call-tree.ts'
import { sumUp } from './call-tree.ts'
import type { Layout } from './layout.ts'
import { layOut } from './layout.ts'
import type { Sums } from './sums.ts'

const MANY = 1_000_000

function draw(text: string, maxNodes = MANY, scales = [1, 1]): Layout {
  const stacks = stacksOf(text)
  const sides = stacks[0]?.values.length ?? 1
  return layOut(sumUp(callTreeOf(stacks, sides)), { scales: scales.slice(0, sides), maxNodes })
}

function namesOf(layout: Layout): string[] {
  return [...layout.frame].map((frame) => layout.frames[frame]?.name ?? '')
}

const cumOf = (layout: Layout, side = 0) =>
  Array.from({ length: layout.nodes }, (_, i) => (layout.cum[side] as Sums).approximate(i))

test('nodes come breadth first, the widest child first', () => {
  const layout = draw(`
    main;b;x 1
    main;a 2
    main;c 5
  `)
  expect(namesOf(layout)).toEqual(['total', 'main', 'c', 'a', 'b', 'x'])
  expect([...layout.parent]).toEqual([-1, 0, 1, 1, 1, 4])
  expect([...layout.childCount]).toEqual([1, 3, 0, 0, 1, 0])
  expect(cumOf(layout)).toEqual([8, 8, 5, 2, 1, 1])
  expect(layout.truncated).toBeNull()
})

test('widths are of normalised values: the side with more samples does not dominate', () => {
  const text = `
    main;inA 95 100
    main;inB 5 900
  `
  expect(namesOf(draw(text, MANY, [1, 1]))).toEqual(['total', 'main', 'inB', 'inA'])
  expect(namesOf(draw(text, MANY, [1 / 100, 1 / 1000]))).toEqual(['total', 'main', 'inA', 'inB'])
})

test('frames without value on any side are not in the layout', () => {
  expect(namesOf(draw('main;used 1\nmain;unused 0'))).toEqual(['total', 'main', 'used'])
})

test('no stacks are one node', () => {
  const layout = layOut(sumUp(callTreeOf([], 2)), { scales: [0, 0], maxNodes: 10 })
  expect(namesOf(layout)).toEqual(['total'])
  expect(cumOf(layout)).toEqual([0])
})

test('what is cut stands under its parent, in order of width', () => {
  const layout = draw(
    `
    main;big 1000
    main;small;deep 6
    main;tiny 3
    main;least 1
  `,
    4,
  )
  expect(namesOf(layout)).toEqual(['total', 'main', 'big', '[4 smaller frames]'])
  expect(layout.frames.find(({ kind }) => kind === 'residual')).toMatchObject({ low: 0, high: 0 })
  expect(cumOf(layout)).toEqual([1010, 1010, 1000, 10])
  expect(layout.truncated).toEqual({ frames: 4, belowShare: 6 / 1010 })
})

test('a frame that is large on one side only is kept', () => {
  const layout = draw(
    `
    main;busy 1000000 0
    main;rest 1000 0
    main;gone 500 1
    main;new 0 8
  `,
    5,
  )
  expect(namesOf(layout)).toContain('new')
  expect(namesOf(layout)).not.toContain('rest')
})

test('a frame is not cut for a residual of its own', () => {
  const text = 'main;a;x 1000\nmain;a;y 8\nmain;b;u 3\nmain;b;v;w 3'
  expect(namesOf(draw(text, 6))).toEqual(['total', 'main', 'a', '[4 smaller frames]', 'x', 'y'])
})

test('node 0 is the function asked for where it is not the whole', () => {
  const tree = sumUp(callTreeOf(stacksOf('parse;read 5'), 1))
  const layout = layOut(tree, { scales: [1], maxNodes: MANY, root: tree.trie.fn[1] as number })
  expect(namesOf(layout)).toEqual(['parse', 'parse', 'read'])
  expect(layout.frames).toHaveLength(2)
})

// Profiles that are differences themselves hold negative values.
const anyStacks = fc.oneof(arbitraryStacks(2), arbitraryStacks(2, 5n, -5n))

test('cutting loses no weight, keeps ancestors and its bounds, and says what it cut', () => {
  fc.assert(
    fc.property(anyStacks, fc.integer({ min: 1, max: 40 }), (stacks, maxNodes) => {
      const tree = sumUp(callTreeOf(stacks, 2))
      const options = { scales: [1 / 3, 1 / 7], maxNodes }
      const layout = layOut(tree, options)
      const whole = layOut(tree, { ...options, maxNodes: MANY })
      // The root is always there, with one residual if need be.
      expect(layout.nodes).toBeLessThanOrEqual(Math.max(2, maxNodes))
      if (whole.nodes <= maxNodes) expect(layout.truncated).toBeNull()
      const width = (i: number) =>
        layout.cum.reduce(
          (sum, cum, s) => sum + cum.approximate(i) * (options.scales[s] as number),
          0,
        )
      let first = 1
      for (let i = 0; i < layout.nodes; i++) {
        const end = first + (layout.childCount[i] as number)
        for (const [side, cum] of layout.cum.entries()) {
          let sum = (layout.flat[side] as Sums).exact(i)
          for (let child = first; child < end; child++) sum += cum.exact(child)
          expect(sum).toBe(cum.exact(i))
        }
        for (let child = first; child < end; child++) {
          expect(layout.parent[child]).toBe(i)
          if (child > first) expect(width(child)).toBeLessThanOrEqual(width(child - 1) + 1e-9)
        }
        first = end
      }
      expect(first).toBe(layout.nodes)
      const residuals = namesOf(layout).filter((name) => name.startsWith('['))
      const cut = residuals.reduce((sum, name) => sum + Number.parseInt(name.slice(1), 10), 0)
      expect(layout.truncated?.frames ?? 0).toBe(cut)
      expect(layout.nodes - residuals.length + cut).toBe(whole.nodes)
    }),
    { numRuns: 300 },
  )
})
