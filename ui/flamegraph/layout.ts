import type { Normalize, Side } from '../../query/api.ts'
import type { Tree } from './tree.ts'

// Where every node lies on the x axis, in value space: the root spans [0, total).

/** What the width of a frame means: both sides together, or one of them alone. */
export type WidthMode = 'union' | 'a' | 'b'

/** Factors that turn a raw value of a side into its normalised value. */
export type Scales = { readonly a: number; readonly b: number }

export type Layout = {
  readonly start: Float64Array
  readonly w: Float64Array
  readonly total: number
  /**
   * Widest of a node and its later siblings, or null where siblings are ordered widest first
   * anyway. Drawing stops at the first sibling for which it is below half a pixel.
   */
  readonly widestLeft: Float32Array | null
}

/** Shares need totals, per-host values host-seconds: a side without them counts as nothing. */
export function scalesOf(normalize: Normalize, a: Side, b: Side | null): Scales {
  return { a: scaleOf(normalize, a), b: b ? scaleOf(normalize, b) : 0 }
}

function scaleOf(normalize: Normalize, side: Side): number {
  if (normalize === 'raw') return 1
  const by = normalize === 'share' ? Number(side.total) : side.hostSeconds
  return by > 0 ? 1 / by : 0
}

export function layOutTree(tree: Tree, scales: Scales, mode: WidthMode): Layout {
  const { nodes, cumA, cumB, firstChild, childCount } = tree
  const ka = mode === 'b' ? 0 : scales.a
  const kb = mode === 'a' ? 0 : scales.b
  const w = new Float64Array(nodes)
  const start = new Float64Array(nodes)
  for (let i = 0; i < nodes; i++) w[i] = (cumA[i] as number) * ka + (cumB[i] as number) * kb
  let ordered = true
  for (let i = 0; i < nodes; i++) {
    let at = start[i] as number
    let before = Infinity
    const end = (firstChild[i] as number) + (childCount[i] as number)
    for (let child = firstChild[i] as number; child < end; child++) {
      const width = w[child] as number
      start[child] = at
      at += width
      // The server may round sums another way: the last digit does not make a disorder.
      if (width > before * (1 + 1e-12)) ordered = false
      before = width
    }
  }
  return { start, w, total: w[0] ?? 0, widestLeft: ordered ? null : findWidest(tree, w) }
}

// One backward pass over every group of siblings.
function findWidest(tree: Tree, w: Float64Array): Float32Array {
  const widest = new Float32Array(w.length)
  for (let i = 0; i < w.length; i++) {
    const first = tree.firstChild[i] as number
    let most = 0
    for (let child = first + (tree.childCount[i] as number) - 1; child >= first; child--) {
      if ((w[child] as number) > most) most = w[child] as number
      widest[child] = most
    }
  }
  return widest
}
