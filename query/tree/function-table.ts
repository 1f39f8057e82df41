import type { SummedTree } from './call-tree.ts'
import { Sums } from './sums.ts'

/** Sums by function, per side. `cum` counts a function once per stack, however often it recurs. */
export type FunctionTable = {
  readonly flat: readonly Sums[]
  readonly cum: readonly Sums[]
  /** Functions that have a value on any side. */
  readonly present: Uint32Array
}

export function tabulate(tree: SummedTree): FunctionTable {
  const { trie, functions } = tree
  const sumsOf = (columns: readonly Sums[]) =>
    columns.map((column) => new Sums(functions.count, column.wide))
  const flat = sumsOf(tree.flat)
  const cum = sumsOf(tree.cum)
  for (const side of tree.flat.keys()) {
    const [from, flatOut] = [tree.flat[side] as Sums, flat[side] as Sums]
    const [fromCum, cumOut] = [tree.cum[side] as Sums, cum[side] as Sums]
    for (let node = 1; node < trie.nodes; node++) {
      const fn = trie.fn[node] as number
      flatOut.add(fn, from, node)
      if (trie.outermost[node] === 1) cumOut.add(fn, fromCum, node)
    }
  }
  const present: number[] = []
  for (let fn = 0; fn < functions.count; fn++) {
    if ([...flat, ...cum].some((sums) => sums.approximate(fn) !== 0)) present.push(fn)
  }
  return { flat, cum, present: Uint32Array.from(present) }
}

/**
 * The first `limit` of `present` by `weight`, largest first; ties by `size`, then by number, so by
 * nothing random.
 */
export function largest(
  { present }: FunctionTable,
  limit: number,
  weight: (fn: number) => number,
  size: (fn: number) => number = () => 0,
): number[] {
  const weights = Float64Array.from(present, weight)
  const sizes = Float64Array.from(present, size)
  const order = Uint32Array.from(present, (_, i) => i)
  order.sort(
    (a, b) =>
      (weights[b] as number) - (weights[a] as number) ||
      (sizes[b] as number) - (sizes[a] as number) ||
      a - b,
  )
  return Array.from(order.subarray(0, limit), (i) => present[i] as number)
}
