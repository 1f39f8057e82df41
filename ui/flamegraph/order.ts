import type { Functions } from './functions.ts'
import type { Scales } from './layout.ts'
import { buildTree, type Tree } from './tree.ts'

// Makes a tree of nodes that know only their parent: breadth first, siblings widest first.

export type Branches = {
  /** Index of the parent, smaller than the node's own; -1 for node 0. */
  readonly parent: readonly number[]
  readonly fn: readonly number[]
  readonly flatA: readonly number[]
  /** Null with one side. */
  readonly flatB: readonly number[] | null
}

/** `confidence` (0..255) is asked per node with its cumulative values; null: nothing was tested. */
export function orderBranches(
  branches: Branches,
  functions: Functions,
  scales: Scales,
  confidence: ((node: number, cumA: number, cumB: number) => number) | null,
): Tree {
  const { parent, fn, flatA, flatB } = branches
  const n = fn.length
  const cumA = Float64Array.from(flatA)
  const cumB = flatB ? Float64Array.from(flatB) : new Float64Array(n)
  const children: number[][] = Array.from({ length: n }, () => [])
  for (let i = n - 1; i > 0; i--) {
    const above = parent[i] as number
    cumA[above] = (cumA[above] as number) + (cumA[i] as number)
    cumB[above] = (cumB[above] as number) + (cumB[i] as number)
    children[above]?.push(i)
  }
  const width = (i: number): number =>
    (cumA[i] as number) * scales.a + (cumB[i] as number) * scales.b
  const order = n > 0 ? [0] : []
  for (let at = 0; at < order.length; at++) {
    const list = children[order[at] as number] as number[]
    list.sort((x, y) => width(y) - width(x) || x - y)
    for (const child of list) order.push(child)
  }
  return buildTree({
    sides: flatB ? 2 : 1,
    flatA: Float64Array.from(order, (i) => flatA[i] as number),
    flatB: flatB && Float64Array.from(order, (i) => flatB[i] as number),
    fn: Uint32Array.from(order, (i) => fn[i] as number),
    childCount: Uint32Array.from(order, (i) => (children[i] as number[]).length),
    confidence:
      confidence &&
      Uint8Array.from(order, (i) => confidence(i, cumA[i] as number, cumB[i] as number)),
    functions,
  })
}
