import type { Layout } from './layout.ts'

/** The visible part of value space. */
export type Range = { readonly x0: number; readonly x1: number }

// 2^-52 of rounding times 2^40 of zoom is 0.2 px in a view of 1,600 px: beyond that boxes shake.
const MOST_ZOOM = 2 ** 40

export function wholeRange(layout: Layout): Range {
  return { x0: 0, x1: layout.total }
}

export function nodeRange(layout: Layout, node: number): Range {
  const x0 = layout.start[node] ?? 0
  return clampRange({ x0, x1: x0 + (layout.w[node] ?? 0) }, layout.total)
}

/** Keeps a range inside the whole and above the smallest width, moving it rather than cutting it. */
export function clampRange(range: Range, total: number): Range {
  const width = Math.min(total, Math.max(range.x1 - range.x0, total / MOST_ZOOM))
  const x0 = Math.min(Math.max(0, range.x0), total - width)
  return { x0, x1: x0 + width }
}

/** `factor` below 1 zooms in; the value at `at` (0..1 of the view) stays where it is. */
export function zoomRange(range: Range, at: number, factor: number, total: number): Range {
  const width = range.x1 - range.x0
  const fixed = range.x0 + width * at
  const next = Math.min(total, Math.max(width * factor, total / MOST_ZOOM))
  return clampRange({ x0: fixed - next * at, x1: fixed + next * (1 - at) }, total)
}

export function panRange(range: Range, share: number, total: number): Range {
  const move = (range.x1 - range.x0) * share
  return clampRange({ x0: range.x0 + move, x1: range.x1 + move }, total)
}

export function blendRange(from: Range, to: Range, t: number): Range {
  return { x0: from.x0 + (to.x0 - from.x0) * t, x1: from.x1 + (to.x1 - from.x1) * t }
}
