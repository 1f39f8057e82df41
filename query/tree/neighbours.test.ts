import fc from 'fast-check'
import { expect, test } from 'vitest'
import { arbitraryStacks, callTreeOf, foldedOf, stacksOf } from '../../tests/fixtures/call-tree.ts'
import { sumUp } from './call-tree.ts'
import { tabulate } from './function-table.ts'
import { findNeighbours } from './neighbours.ts'

function neighboursOf(text: string, name: string) {
  const tree = sumUp(callTreeOf(stacksOf(text), 1))
  return findNeighbours(tree, new Set([tree.functions.names.indexOf(name)]))
}

test('callers grow from the function to the root, callees to the leaves', () => {
  const { callers, callees } = neighboursOf(
    `
    main;http;parse;read 5
    main;cron;parse 2
    main;other 9
  `,
    'parse',
  )
  expect(foldedOf(callers)).toBe('cron;main 2\nhttp;main 5\n')
  expect(foldedOf(callees)).toBe('[no frames] 2\nread 5\n')
})

test('of a function that recurs the outermost frame counts', () => {
  const { callers, callees } = neighboursOf('main;walk;visit;walk;leaf 4\nwalk 1', 'walk')
  expect(foldedOf(callers)).toBe('[no frames] 1\nmain 4\n')
  expect(foldedOf(callees)).toBe('[no frames] 1\nvisit;walk;leaf 4\n')
})

test('both roots are the cum of the function in the table', () => {
  fc.assert(
    fc.property(arbitraryStacks(2), (stacks) => {
      const tree = sumUp(callTreeOf(stacks, 2))
      const table = tabulate(tree)
      for (const fn of table.present) {
        const { callers, callees } = findNeighbours(tree, new Set([fn]))
        for (const side of [0, 1]) {
          const cum = table.cum[side]?.exact(fn)
          expect(sumUp(callers).cum[side]?.exact(0)).toBe(cum)
          expect(sumUp(callees).cum[side]?.exact(0)).toBe(cum)
        }
      }
    }),
  )
})
