import fc from 'fast-check'
import { expect, test } from 'vitest'
import { arbitraryStacks, callTreeOf, stacksOf } from '../../tests/fixtures/call-tree.ts'
import { parseFrame } from '../../tests/fixtures/stored-profiles.ts'
import { sumUp } from './call-tree.ts'
import { largest, tabulate } from './function-table.ts'

test('a function that recurs counts once per stack in cum', () => {
  const tree = sumUp(callTreeOf(stacksOf('main;fib;fib;fib 19\nmain;fib 1'), 1))
  const table = tabulate(tree)
  const rows = [...table.present].map((fn) => [
    tree.functions.names[fn],
    table.flat[0]?.value(fn),
    table.cum[0]?.value(fn),
  ])
  expect(rows).toEqual([
    ['main', 0, 20],
    ['fib', 20, 20],
  ])
})

test('flat and cum are what looking through every stack gives', () => {
  fc.assert(
    fc.property(arbitraryStacks(2), (stacks) => {
      const tree = sumUp(callTreeOf(stacks, 2))
      const table = tabulate(tree)
      for (const side of [0, 1]) {
        for (let fn = 0; fn < tree.functions.count; fn++) {
          const isFn = (frame: string) => {
            const { name, module } = parseFrame(frame)
            return name === tree.functions.names[fn] && module === tree.functions.modules[fn]
          }
          const sumOf = (matches: (frames: readonly string[]) => boolean) =>
            stacks.reduce(
              (sum, { frames, values }) => (matches(frames) ? sum + (values[side] as bigint) : sum),
              0n,
            )
          expect(table.flat[side]?.exact(fn)).toBe(sumOf((frames) => isFn(frames.at(-1) ?? '')))
          expect(table.cum[side]?.exact(fn)).toBe(sumOf((frames) => frames.some(isFn)))
        }
      }
    }),
  )
})

test('the largest come first; size, then the number decides ties', () => {
  const table = { flat: [], cum: [], present: Uint32Array.of(3, 5, 8, 9) }
  const weight = (fn: number) => (fn === 8 ? 2 : 1)
  expect(largest(table, 3, weight)).toEqual([8, 3, 5])
  expect(largest(table, 3, weight, (fn) => fn)).toEqual([8, 9, 5])
})
