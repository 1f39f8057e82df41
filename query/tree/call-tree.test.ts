import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SidedStack } from '../../tests/fixtures/call-tree.ts'
import { arbitraryStacks, callTreeOf, stacksOf } from '../../tests/fixtures/call-tree.ts'
import type { CallTree, SummedTree } from './call-tree.ts'
import { mergeTrees, sumUp } from './call-tree.ts'
import { idOf } from './functions.ts'

/** Path of function ids -> value, for every node that has one. */
function readTree(tree: SummedTree, column: 'flat' | 'cum', side: number): Map<string, bigint> {
  const values = new Map<string, bigint>()
  for (let node = 0; node < tree.trie.nodes; node++) {
    const value = tree[column][side]?.exact(node) ?? 0n
    if (value !== 0n) values.set(keyOf(tree, node), value)
  }
  return values
}

function keyOf({ trie, functions }: CallTree, node: number): string {
  const path: string[] = []
  for (let at = node; at !== 0; at = trie.parent[at] as number) {
    const fn = trie.fn[at] as number
    path.push(`${functions.modules[fn]}!${functions.names[fn]}`)
    expect(idOf(functions, fn)).toBeGreaterThan(0n)
  }
  return path.reverse().join(';')
}

function keyOfFrames(frames: readonly string[]): string {
  return frames.map((frame) => (frame.includes('!') ? frame : `!${frame}`)).join(';')
}

function slowSums(stacks: readonly SidedStack[], side: number): Map<string, bigint>[] {
  const flat = new Map<string, bigint>()
  const cum = new Map<string, bigint>()
  const add = (map: Map<string, bigint>, key: string, value: bigint) => {
    if (value !== 0n) map.set(key, (map.get(key) ?? 0n) + value)
  }
  for (const { frames, values } of stacks) {
    const value = values[side] as bigint
    add(flat, keyOfFrames(frames), value)
    for (let depth = 0; depth <= frames.length; depth++)
      add(cum, keyOfFrames(frames.slice(0, depth)), value)
  }
  return [flat, cum]
}

test('flat and cum are what adding up every stack gives, exact beyond 2^53', () => {
  const values = fc.constantFrom(1000n, 2n ** 62n)
  fc.assert(
    fc.property(
      values.chain((most) => fc.tuple(arbitraryStacks(2, most), fc.constant(most))),
      ([stacks, most]) => {
        const tree = sumUp(callTreeOf(stacks, 2, most > 1000n))
        for (const side of [0, 1]) {
          const [flat, cum] = slowSums(stacks, side)
          expect(readTree(tree, 'flat', side)).toEqual(flat)
          expect(readTree(tree, 'cum', side)).toEqual(cum)
        }
      },
    ),
  )
})

test('parents come before their children and recursion is marked', () => {
  fc.assert(
    fc.property(arbitraryStacks(1), (stacks) => {
      const { trie } = callTreeOf(stacks, 1)
      for (let node = 1; node < trie.nodes; node++) {
        expect(trie.parent[node]).toBeLessThan(node)
        let recurs = false
        for (let at = trie.parent[node] as number; at !== 0; at = trie.parent[at] as number)
          recurs ||= trie.fn[at] === trie.fn[node]
        expect(trie.outermost[node]).toBe(recurs ? 0 : 1)
      }
    }),
  )
})

test('merging the trees of services is the tree of all their stacks', () => {
  fc.assert(
    fc.property(fc.array(arbitraryStacks(2), { minLength: 1, maxLength: 4 }), (services) => {
      const merged = sumUp(
        mergeTrees(
          services.map((stacks) => callTreeOf(stacks, 2)),
          2,
        ),
      )
      const whole = sumUp(callTreeOf(services.flat(), 2))
      for (const side of [0, 1]) {
        expect(readTree(merged, 'flat', side)).toEqual(readTree(whole, 'flat', side))
        expect(readTree(merged, 'cum', side)).toEqual(readTree(whole, 'cum', side))
      }
    }),
  )
})

test('merging a narrow and a wide tree keeps both exact', () => {
  const wide = callTreeOf(stacksOf('main 9007199254740993'), 1, true)
  const narrow = callTreeOf(stacksOf('main 2'), 1)
  const merged = sumUp(mergeTrees([wide, narrow], 1))
  expect(merged.cum[0]?.exact(0)).toBe(9007199254740995n)
})
