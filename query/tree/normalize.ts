import type { Normalize } from '../api.ts'

// The formulas of a comparison. x = value under the chosen normalisation; it is never rounded before
// use. share: of the side's total. host: per second that a host was profiled. raw: as it is.

/** What the value of a side is multiplied by; 0 for a side without samples or host time. */
export function scaleOf(
  normalize: Normalize,
  side: { readonly total: number; readonly hostSeconds: number },
): number {
  switch (normalize) {
    case 'share':
      return side.total > 0 ? 1 / side.total : 0
    case 'host':
      return side.hostSeconds > 0 ? 1 / side.hostSeconds : 0
    case 'raw':
      return 1
  }
}

/** r in [-1, 1]: +1 only in B, -1 only in A, +0.5 twice as much; swapping the sides negates it. */
export function relativeChange(xA: number, xB: number): number {
  const most = Math.max(xA, xB)
  return most > 0 ? (xB - xA) / most : 0
}
