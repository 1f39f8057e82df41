import type { CallTree, SummedTree } from './call-tree.ts'
import type { FrameInfo } from './functions.ts'
import { frameOf, ROOT_FRAME, residualFrame } from './functions.ts'
import { Sums } from './sums.ts'
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
  readonly frames: readonly FrameInfo[]
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
  const { cum } = tree
  const cut = cutSmall(tree.trie, cum, options.maxNodes)
  const { residuals } = cut
  const places = findPlaces(tree, cut, options.scales)
  const { count, source, isResidual } = places
  const flatOut = tree.flat.map((sums) => new Sums(count, sums.wide))
  const cumOut = cum.map((sums) => new Sums(count, sums.wide))
  for (let i = 0; i < count; i++) {
    const node = source[i] as number
    for (let side = 0; side < cum.length; side++) {
      const residual = isResidual[i] === 1 ? (residuals?.weight[side] as Sums) : null
      flatOut[side]?.add(i, residual ?? (tree.flat[side] as Sums), node)
      cumOut[side]?.add(i, residual ?? (cum[side] as Sums), node)
    }
  }
  return {
    nodes: count,
    parent: places.parent,
    childCount: places.childCount,
    ...numberFrames(tree, cut, places, options.root ?? tree.functions.count),
    flat: flatOut,
    cum: cumOut,
    truncated: residuals && { frames: residuals.totalFrames, belowShare: residuals.belowShare },
  }
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
  const residualWidth = cut.residuals && weigh(cut.residuals.weight, scales)
  const children = groupChildren(tree, width, cut.keep)
  const count = cut.kept + (cut.residuals?.count ?? 0)
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
    let pending = cut.residuals !== null && (cut.residuals.frames[node] as number) > 0
    const rest = pending ? ((residualWidth as Float64Array)[node] as number) : 0
    const putResidual = () => {
      source[end] = node
      isResidual[end] = 1
      end++
      pending = false
    }
    for (let c = children.start[node] as number; c < (children.start[node + 1] as number); c++) {
      const child = children.list[c] as number
      if (pending && (width[child] as number) < rest) putResidual()
      source[end++] = child
    }
    if (pending) putResidual()
    childCount[i] = end - first
    parent.fill(i, first, end)
  }
  return { count, parent, childCount, source, isResidual }
}

// x of the formulas: the sum over the sides of the normalised values.
function weigh(columns: readonly Sums[], scales: readonly number[]): Float64Array {
  const out = new Float64Array(columns[0]?.length ?? 0)
  for (const [side, sums] of columns.entries()) {
    const scale = scales[side] as number
    for (let node = 0; node < out.length; node++)
      out[node] = (out[node] as number) + sums.approximate(node) * scale
  }
  return out
}

type Children = {
  /** Kept children of node i are list[start[i], start[i + 1]), widest first. */
  readonly start: Uint32Array
  readonly list: Uint32Array
}

function groupChildren(tree: CallTree, width: Float64Array, keep: Uint8Array): Children {
  const { nodes, parent, fn } = tree.trie
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
    const at = parent[node] as number
    list[next[at] as number] = node
    next[at] = (next[at] as number) + 1
  }
  // Equal widths keep an order that does not depend on what was loaded first: by function id.
  const { ids } = tree.functions
  const compare = (a: number, b: number) => {
    const byWidth = (width[b] as number) - (width[a] as number)
    if (byWidth !== 0) return byWidth
    const i = (fn[a] as number) * 2
    const j = (fn[b] as number) * 2
    return (
      (ids[i + 1] as number) - (ids[j + 1] as number) || (ids[i] as number) - (ids[j] as number)
    )
  }
  for (let node = 0; node < nodes; node++) {
    const from = start[node] as number
    const to = start[node + 1] as number
    if (to - from > 1) list.subarray(from, to).sort(compare)
  }
  return { start, list }
}

function numberFrames(
  tree: CallTree,
  cut: Cut,
  { count, source, isResidual }: Places,
  root: number,
): Pick<Layout, 'frame' | 'frames'> {
  // A key per distinct frame: a function; beyond them the whole, then residuals by their size.
  const functions = tree.functions.count
  const keys = new Float64Array(count)
  const uses = new Map<number, number>()
  for (let i = 0; i < count; i++) {
    const node = source[i] as number
    let key = tree.trie.fn[node] as number
    if (isResidual[i] === 1) key = functions + 1 + (cut.residuals?.frames[node] as number)
    else if (i === 0) key = root
    keys[i] = key
    uses.set(key, (uses.get(key) ?? 0) + 1)
  }
  const ordered = [...uses].sort(([a, usesA], [b, usesB]) => usesB - usesA || a - b)
  const numbers = new Map(ordered.map(([key], number) => [key, number]))
  const frame = new Uint32Array(count)
  for (let i = 0; i < count; i++) frame[i] = numbers.get(keys[i] as number) as number
  const frames = ordered.map(([key]) => {
    if (key < functions) return frameOf(tree.functions, key)
    return key === functions ? ROOT_FRAME : residualFrame(key - functions - 1)
  })
  return { frame, frames }
}
