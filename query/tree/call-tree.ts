import type { Functions } from './functions.ts'
import { Sums } from './sums.ts'
import type { TrieColumns } from './trie.ts'
import { Trie } from './trie.ts'

/**
 * Stacks with their values: one side of a flame graph, or two of a comparison that share one trie,
 * so that they are joined before anything is cut. Complete: nothing is truncated here.
 */
export type CallTree = {
  readonly trie: TrieColumns
  readonly functions: Functions
  /** Per side, by node: of the frame itself. */
  readonly flat: readonly Sums[]
}

export type SummedTree = CallTree & {
  /** Per side, by node: of the frame and all it calls. */
  readonly cum: readonly Sums[]
}

export function sumUp(tree: CallTree): SummedTree {
  return { ...tree, cum: tree.flat.map((flat) => flat.sumUp(tree.trie.parent)) }
}

/** Trees of several services as one: the same path of the same functions is the same node. */
export function mergeTrees(trees: readonly CallTree[], sides: number): CallTree {
  const only = trees[0]
  if (only !== undefined && trees.length === 1) return only
  const functions = mergeFunctions(trees.map((tree) => tree.functions))
  const trie = new Trie(trees.reduce((sum, tree) => sum + tree.trie.nodes, 0))
  const places = trees.map((tree, i) => {
    const numbers = functions.numbers[i] as Uint32Array
    return placeNodes(trie, tree, numbers)
  })
  const wide = trees.some((tree) => tree.flat.some((flat) => flat.wide))
  const flat = Array.from({ length: sides }, () => new Sums(trie.nodes, wide))
  for (const [i, tree] of trees.entries()) {
    const place = places[i] as Uint32Array
    for (const [side, sums] of flat.entries()) {
      const from = tree.flat[side] as Sums
      for (let node = 0; node < tree.trie.nodes; node++) {
        if (from.approximate(node) !== 0) sums.add(place[node] as number, from, node)
      }
    }
  }
  return { trie, functions: functions.merged, flat }
}

function placeNodes(trie: Trie, tree: CallTree, numbers: Uint32Array): Uint32Array {
  const { nodes, parent, fn, outermost } = tree.trie
  const used = findUsed(tree)
  const place = new Uint32Array(nodes)
  for (let node = 1; node < nodes; node++) {
    if (used[node] === 0) continue
    const above = place[parent[node] as number] as number
    place[node] = trie.child(above, numbers[fn[node] as number] as number, outermost[node])
  }
  return place
}

/** 1 for nodes at or under which there is a value: a cached trie holds many a question never met. */
export function findUsed({ trie, flat }: CallTree): Uint8Array {
  const used = new Uint8Array(trie.nodes)
  for (const sums of flat) sums.markPresent(used)
  for (let node = trie.nodes - 1; node > 0; node--) {
    if (used[node] === 1) used[trie.parent[node] as number] = 1
  }
  return used
}

/** One table of all functions, and for each given table its numbers in there. */
function mergeFunctions(tables: readonly Functions[]): {
  readonly merged: Functions
  readonly numbers: readonly Uint32Array[]
} {
  const byId = new Map<string, number>()
  const ids: number[] = []
  const names: string[] = []
  const files: string[] = []
  const modules: string[] = []
  const numbers = tables.map((table) => {
    const own = new Uint32Array(table.count)
    for (let i = 0; i < table.count; i++) {
      const low = table.ids[i * 2] as number
      const high = table.ids[i * 2 + 1] as number
      const key = `${high}.${low}`
      let number = byId.get(key)
      if (number === undefined) {
        number = names.length
        byId.set(key, number)
        ids.push(low, high)
        names.push(table.names[i] as string)
        files.push(table.files[i] as string)
        modules.push(table.modules[i] as string)
      }
      own[i] = number
    }
    return own
  })
  const merged = { count: names.length, ids: Uint32Array.from(ids), names, files, modules }
  return { merged, numbers }
}
