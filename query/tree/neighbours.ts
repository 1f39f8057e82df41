import type { CallTree, SummedTree } from './call-tree.ts'
import { findUsed } from './call-tree.ts'
import { Sums } from './sums.ts'
import { Trie } from './trie.ts'

/**
 * Who calls a function and whom it calls, from whole stacks. The root of both trees is the function.
 * Where it recurs, its outermost frame counts: both roots are its `cum`, and the inner frames stand
 * among the callees.
 */
export type Neighbours = {
  /** Grows to the roots of the stacks. */
  readonly callers: CallTree
  /** Grows to the leaves. */
  readonly callees: CallTree
}

export function findNeighbours(tree: SummedTree, targets: ReadonlySet<number>): Neighbours {
  const { trie } = tree
  // 1 at and below an outermost frame of the function.
  const inside = new Uint8Array(trie.nodes)
  const outermost: number[] = []
  for (let node = 1; node < trie.nodes; node++) {
    const below = inside[trie.parent[node] as number] === 1
    const isTarget = targets.has(trie.fn[node] as number)
    if (isTarget && !below) outermost.push(node)
    if (isTarget || below) inside[node] = 1
  }
  return {
    callers: growCallers(tree, outermost),
    callees: growCallees(tree, inside, new Set(outermost)),
  }
}

function growCallers(tree: SummedTree, outermost: readonly number[]): CallTree {
  const { trie, functions } = tree
  const callers = new Trie()
  const ends = outermost.map((node) => {
    let place = 0
    for (let at = trie.parent[node] as number; at !== 0; at = trie.parent[at] as number)
      place = callers.child(place, trie.fn[at] as number)
    return place
  })
  const flat = tree.cum.map((cum) => {
    const sums = new Sums(callers.nodes, cum.wide)
    for (const [i, node] of outermost.entries()) sums.add(ends[i] as number, cum, node)
    return sums
  })
  return { trie: callers, functions, flat }
}

function growCallees(
  tree: SummedTree,
  inside: Uint8Array,
  outermost: ReadonlySet<number>,
): CallTree {
  const { trie, functions } = tree
  const callees = new Trie()
  const used = findUsed(tree)
  const place = new Uint32Array(trie.nodes)
  for (let node = 1; node < trie.nodes; node++) {
    if (inside[node] === 0 || used[node] === 0 || outermost.has(node)) continue
    place[node] = callees.child(
      place[trie.parent[node] as number] as number,
      trie.fn[node] as number,
    )
  }
  const flat = tree.flat.map((from) => {
    const sums = new Sums(callees.nodes, from.wide)
    for (let node = 1; node < trie.nodes; node++) {
      if (inside[node] === 1 && from.approximate(node) !== 0)
        sums.add(place[node] as number, from, node)
    }
    return sums
  })
  return { trie: callees, functions, flat }
}
