// The formulas of a comparison. xA and xB are normalised values, never rounded before use.

/** -1 gone, 0 equal, +1 new; twice as much is +0.5. Swapping the sides negates it. */
export function relativeChange(xA: number, xB: number): number {
  const most = Math.max(xA, xB)
  return most > 0 ? (xB - xA) / most : 0
}

export const BUCKETS = 257

/** Palette entry of a change r in [-1, 1] known with certainty c in [0, 1]: 0 less, 128 none, 256 more. */
export function bucketOf(r: number, c: number): number {
  return Math.round(128 + 128 * r * c)
}

/** Where the server tested nothing: colour needs 50 samples over both sides. */
export function confidenceBySamples(samples: number): number {
  return samples >= 50 ? 1 : 0
}
