import type { Functions } from './functions.ts'

// A call tree as columns. Index = node, breadth first, 0 = the whole; the children of a node are
// `childCount[i]` nodes from `firstChild[i]` on. One level is one contiguous range of indices.

export type Tree = {
  readonly nodes: number
  readonly sides: 1 | 2
  readonly fn: Uint32Array
  readonly parent: Uint32Array
  readonly firstChild: Uint32Array
  readonly childCount: Uint32Array
  /** First node of each level, and the number of nodes at the end. */
  readonly levelStart: Uint32Array
  readonly cumA: Float64Array
  /** All zero with one side. */
  readonly cumB: Float64Array
  /** 0..255, null where nothing was tested. */
  readonly confidence: Uint8Array | null
  readonly functions: Functions
}

export type TreeColumns = {
  readonly sides: 1 | 2
  readonly flatA: Float64Array
  readonly flatB: Float64Array | null
  readonly fn: Uint32Array
  readonly childCount: Uint32Array
  readonly confidence: Uint8Array | null
  readonly functions: Functions
}

/**
 * Three passes, no recursion (a stack of 10,000 frames is real). Takes `columns` over: flat values
 * become cumulative ones in place, which keeps a node at 55 bytes with its layout.
 */
export function buildTree(columns: TreeColumns): Tree {
  const { fn, childCount } = columns
  const n = fn.length
  const parent = new Uint32Array(n)
  const firstChild = new Uint32Array(n)
  const levels: number[] = []
  let next = 1
  let levelEnd = 0
  for (let i = 0; i < n; i++) {
    if (i === levelEnd) {
      levels.push(i)
      levelEnd = next
    }
    firstChild[i] = next
    const end = next + (childCount[i] as number)
    for (; next < end; next++) parent[next] = i
  }
  levels.push(n)
  addUp(columns.flatA, parent)
  if (columns.flatB) addUp(columns.flatB, parent)
  return {
    nodes: n,
    sides: columns.sides,
    fn,
    parent,
    firstChild,
    childCount,
    levelStart: Uint32Array.from(levels),
    cumA: columns.flatA,
    cumB: columns.flatB ?? new Float64Array(n),
    confidence: columns.confidence,
    functions: columns.functions,
  }
}

function addUp(values: Float64Array, parent: Uint32Array): void {
  for (let i = values.length - 1; i > 0; i--)
    values[parent[i] as number] = (values[parent[i] as number] as number) + (values[i] as number)
}

/** What a node has by itself: its cumulative value without its children's. */
export function flatOf(tree: Tree, cum: Float64Array, node: number): number {
  const whole = cum[node] ?? 0
  const first = tree.firstChild[node] ?? 0
  const children = tree.childCount[node] ?? 0
  let flat = whole
  for (let i = first + children - 1; i >= first; i--) flat -= cum[i] ?? 0
  // Sums of fractions leave a rest where nothing should be: at most one rounding per child.
  return flat > Number.EPSILON * (children + 1) * whole ? flat : 0
}

/** Level of a node, 0 = the whole. */
export function levelOf(tree: Tree, node: number): number {
  let low = 0
  let high = tree.levelStart.length - 2
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((tree.levelStart[middle] as number) <= node) low = middle
    else high = middle - 1
  }
  return low
}

export function levelCount(tree: Tree): number {
  return tree.levelStart.length - 1
}

/** Node names from the whole to the node itself. */
export function pathOf(tree: Tree, node: number): number[] {
  const path = [node]
  for (let i = node; i > 0; ) {
    i = tree.parent[i] as number
    path.push(i)
  }
  return path.reverse()
}
