import type { Estimate } from './estimate.ts'
import type { ArmTotals, FunctionSums, Totals } from './host-sums.ts'

/**
 * The noise of sampling alone, below which no scatter between hosts can push a variance. `share`: x
 * and n count the same thing and x is a part of n. `rate`: n is something else (requests, seconds).
 */
export type SamplingNoise = {
  readonly kind: 'share' | 'rate'
  /** Value of one sample: 1 where x counts samples, the period where it is nanoseconds. */
  readonly valuePerSample: number
}

/**
 * Hosts of the candidate against hosts of the baseline; a host in both is compared with itself. The
 * variance is that of the hosts' scores with a leverage correction, of the kind of CR2 (Bell and
 * McCaffrey 2002). Both arms need an effective number of hosts above 1.
 */
export function compareHosts(
  totals: Totals,
  sums: FunctionSums,
  noise: SamplingNoise,
): Estimate & { readonly df: number } {
  const { baseline: b, candidate: c } = totals
  const pb = sums.xb / b.total
  const pc = sums.xc / c.total
  const varianceB = armVariance(sums.bb, sums.bn, b, pb)
  const varianceC = armVariance(sums.cc, sums.cn, c, pc)
  const covariance =
    (sums.bc - pc * sums.xbnc - pb * sums.xcnb + pb * pc * totals.cross) / (b.total * c.total)
  return {
    baseline: pb,
    candidate: pc,
    delta: pc - pb,
    variance: Math.max(
      varianceB + varianceC - 2 * covariance,
      samplingVariance(pb, b.total, noise) + samplingVariance(pc, c.total, noise),
    ),
    df: freedom(totals, varianceB, varianceC),
  }
}

/** Sum of the squared scores (x - p n) / (N sqrt(1 - n / N)). */
function armVariance(xx: number, xn: number, arm: ArmTotals, p: number): number {
  const sum = (xx - 2 * p * xn + p * p * arm.squares) / (arm.total * arm.total)
  return Math.max(0, sum)
}

/** Binomial for shares, Poisson for rates. */
export function samplingVariance(p: number, total: number, noise: SamplingNoise): number {
  // A share near 1 may come out above it once denominators are scaled.
  const spread = noise.kind === 'share' ? p * Math.max(0, 1 - p) : p
  return (noise.valuePerSample * spread) / total
}

function freedom({ baseline, candidate, shared }: Totals, vb: number, vc: number): number {
  const fewest = Math.min(baseline.effective, candidate.effective) - 1
  if (shared > 0 || vb + vc === 0) return Math.max(1, fewest)
  // Welch and Satterthwaite.
  const df =
    (vb + vc) ** 2 / (vb ** 2 / (baseline.effective - 1) + vc ** 2 / (candidate.effective - 1))
  return Math.max(1, df)
}
