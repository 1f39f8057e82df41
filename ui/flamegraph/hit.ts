import type { Layout } from './layout.ts'
import type { Tree } from './tree.ts'

/** The node of `level` that covers `value`, or -1: one binary search, whatever the depth. */
export function findNode(tree: Tree, layout: Layout, level: number, value: number): number {
  const from = tree.levelStart[level]
  const to = tree.levelStart[level + 1]
  if (from === undefined || to === undefined || !(value >= 0)) return -1
  const node = lastAtOrBefore(layout.start, from, to, value)
  if (node < from) return -1
  return value < (layout.start[node] as number) + (layout.w[node] as number) ? node : -1
}

/**
 * Last index of [from, to) whose start is at most `value`, from - 1 when there is none. Starts do
 * not decrease; of frames without width that share a start the last one, which has the width, wins.
 */
export function lastAtOrBefore(
  start: Float64Array,
  from: number,
  to: number,
  value: number,
): number {
  let low = from - 1
  let high = to - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((start[middle] as number) <= value) low = middle
    else high = middle - 1
  }
  return low
}
