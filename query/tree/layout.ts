import type { CallTree, SummedTree } from './call-tree.ts'
import type { Frame } from './functions.ts'
import { frameOf, ROOT_FRAME, residualFrame } from './functions.ts'
import type { Sums } from './sums.ts'
import type { Cut } from './truncate.ts'
import { cutSmall } from './truncate.ts'

/**
 * A tree as it is sent: breadth first, children together and widest first, what was cut in
 * `residual` nodes. Columns by node.
 */
export type Layout = {
  readonly nodes: number
  /** -1 for node 0, the whole. */
  readonly parent: Int32Array
  readonly childCount: Uint32Array
  /** Index into `frames`, which are ordered by use, most used first. */
  readonly frame: Uint32Array
  readonly frames: readonly Frame[]
  /** Per side. */
  readonly flat: readonly Sums[]
  readonly cum: readonly Sums[]
  /** Null where every frame is in the layout. */
  readonly truncated: { readonly frames: number; readonly belowShare: number } | null
}

export type LayoutOptions = {
  /** Of each side: its normalised value is value * scale. A node's width is the sum over sides. */
  readonly scales: readonly number[]
  readonly maxNodes: number
  /** The function node 0 stands for, where it is not the whole. */
  readonly root?: number
}

export function layOut(tree: SummedTree, options: LayoutOptions): Layout {
  const cut = cutSmall(tree, options.maxNodes)
  const places = findPlaces(tree, cut, options.scales)
  const flat = gatherFlat(tree, cut, places)
  return {
    nodes: places.count,
    parent: places.parent,
    childCount: places.childCount,
    ...numberFrames(tree, cut, places, options.root ?? tree.functions.count),
    flat,
    // Summed anew, which reads in order, where fetching the tree's sums would jump about.
    cum: flat.map((sums) => sums.sumUp(places.parent)),
    truncated: cut.residuals && {
      frames: cut.residuals.totalFrames,
      belowShare: cut.residuals.belowShare,
    },
  }
}

// A residual is a leaf: its flat is the weight of what was cut.
function gatherFlat({ flat }: CallTree, { residuals }: Cut, places: Places): Sums[] {
  return flat.map((sums, side) => {
    const gathered = sums.gather(places.source)
    const weight = residuals?.weight[side]
    if (weight === undefined) return gathered
    for (let i = 0; i < places.count; i++) {
      if (places.isResidual[i] === 1) gathered.replace(i, weight, places.source[i] as number)
    }
    return gathered
  })
}

type Places = {
  readonly count: number
  readonly parent: Int32Array
  readonly childCount: Uint32Array
  /** The tree's node; of a residual the node it stands under. */
  readonly source: Uint32Array
  readonly isResidual: Uint8Array
}

function findPlaces(tree: SummedTree, cut: Cut, scales: readonly number[]): Places {
  const width = weigh(tree.cum, scales)
  const { start, list } = groupChildren(tree, width, cut.keep)
  const { residuals } = cut
  const residualWidth = residuals && weigh(residuals.weight, scales)
  const count = cut.kept + (residuals?.count ?? 0)
  const parent = new Int32Array(count)
  const childCount = new Uint32Array(count)
  const source = new Uint32Array(count)
  const isResidual = new Uint8Array(count)
  parent[0] = -1
  let end = 1
  for (let i = 0; i < end; i++) {
    if (isResidual[i] === 1) continue
    const node = source[i] as number
    const first = end
    const last = start[node + 1] as number
    let child = start[node] as number
    if (residualWidth !== null && residuals?.frames[node] !== 0) {
      const rest = residualWidth[node] as number
      while (child < last && (width[list[child] as number] as number) >= rest)
        source[end++] = list[child++] as number
      isResidual[end] = 1
      source[end++] = node
    }
    while (child < last) source[end++] = list[child++] as number
    childCount[i] = end - first
    for (let place = first; place < end; place++) parent[place] = i
  }
  return { count, parent, childCount, source, isResidual }
}

// x of the formulas: the sum over the sides of the normalised values. One side is in order as it is.
function weigh(columns: readonly Sums[], scales: readonly number[]): Float64Array {
  const [only] = columns
  if (only !== undefined && columns.length === 1) return only.doubles()
  const out = new Float64Array(columns[0]?.length ?? 0)
  for (const [side, sums] of columns.entries()) {
    const scale = scales[side] as number
    const values = sums.doubles()
    for (let node = 0; node < out.length; node++)
      out[node] = (out[node] as number) + (values[node] as number) * scale
  }
  return out
}

type Children = {
  /** Kept children of node i are list[start[i], start[i + 1]), widest first. */
  readonly start: Uint32Array
  readonly list: Uint32Array
}

function groupChildren(tree: CallTree, width: Float64Array, keep: Uint8Array): Children {
  const { nodes, parent } = tree.trie
  const start = new Uint32Array(nodes + 1)
  for (let node = 1; node < nodes; node++) {
    if (keep[node] === 0) continue
    const after = (parent[node] as number) + 1
    start[after] = (start[after] as number) + 1
  }
  for (let node = 0; node < nodes; node++)
    start[node + 1] = (start[node + 1] as number) + (start[node] as number)
  const list = new Uint32Array(start[nodes] as number)
  const next = start.slice()
  for (let node = 1; node < nodes; node++) {
    if (keep[node] === 0) continue
    const above = parent[node] as number
    list[next[above] as number] = node
    next[above] = (next[above] as number) + 1
  }
  const compare = compareChildren(tree, width)
  for (let node = 0; node < nodes; node++)
    sortGroup(list, start[node] as number, start[node + 1] as number, compare)
  return { start, list }
}

type Compare = (a: number, b: number) => number

// Equal widths keep an order that does not depend on what was loaded first: by function id.
function compareChildren(tree: CallTree, width: Float64Array): Compare {
  const { fn } = tree.trie
  const { ids } = tree.functions
  return (a, b) => {
    const byWidth = (width[b] as number) - (width[a] as number)
    if (byWidth !== 0) return byWidth
    const i = (fn[a] as number) * 2
    const j = (fn[b] as number) * 2
    return (
      (ids[i + 1] as number) - (ids[j + 1] as number) || (ids[i] as number) - (ids[j] as number)
    )
  }
}

// Most groups are a few nodes: sorting them in place spares a view and a call each.
const FEW = 16

function sortGroup(list: Uint32Array, from: number, to: number, compare: Compare): void {
  if (to - from > FEW) {
    list.subarray(from, to).sort(compare)
    return
  }
  for (let i = from + 1; i < to; i++) {
    const node = list[i] as number
    let at = i
    for (; at > from && compare(list[at - 1] as number, node) > 0; at--)
      list[at] = list[at - 1] as number
    list[at] = node
  }
}

function numberFrames(
  tree: CallTree,
  cut: Cut,
  { count, source, isResidual }: Places,
  root: number,
): Pick<Layout, 'frame' | 'frames'> {
  // A key per distinct frame: a function; after them the whole; then residuals in order of meeting.
  const functions = tree.functions.count
  const residualKeys = new Map<number, number>()
  const frame = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    const node = source[i] as number
    frame[i] = tree.trie.fn[node] as number
    if (isResidual[i] === 0) continue
    const size = cut.residuals?.frames[node] as number
    const key = residualKeys.get(size) ?? functions + 1 + residualKeys.size
    residualKeys.set(size, key)
    frame[i] = key
  }
  frame[0] = root
  const uses = new Uint32Array(functions + 1 + residualKeys.size)
  for (let i = 0; i < count; i++) {
    const key = frame[i] as number
    uses[key] = (uses[key] as number) + 1
  }
  const ordered = orderByUse(uses)
  const numbers = new Uint32Array(uses.length)
  for (let number = 0; number < ordered.length; number++)
    numbers[ordered[number] as number] = number
  for (let i = 0; i < count; i++) frame[i] = numbers[frame[i] as number] as number
  const sizes = [...residualKeys.keys()]
  const frames = Array.from(ordered, (key) => {
    if (key < functions) return frameOf(tree.functions, key)
    return key === functions ? ROOT_FRAME : residualFrame(sizes[key - functions - 1] as number)
  })
  return { frame, frames }
}

// Keys that are used, most used first. A count and its key fit a double together, and numbers sort
// without a comparison of ours.
function orderByUse(uses: Uint32Array): Uint32Array {
  const size = uses.length
  const packed = new Float64Array(size)
  let used = 0
  for (let key = 0; key < size; key++) {
    if (uses[key] !== 0) packed[used++] = (uses[key] as number) * size + (size - 1 - key)
  }
  const sorted = packed.subarray(0, used).sort()
  const ordered = new Uint32Array(used)
  for (let i = 0; i < used; i++) ordered[i] = size - 1 - ((sorted[used - 1 - i] as number) % size)
  return ordered
}
