import { median } from './average.ts'

// Sums over hosts from which a comparison follows exactly, whatever the number of hosts. The store
// makes them (query/read/host-sums.ts). Hosts are the replicates: samples of one host share its
// hardware, its traffic and its neighbours.
//
// x: a function's value on a host, n: the host's denominator, in the baseline (b) and the candidate
// (c). Every host weighs w = 1 / (1 - n / N) in its arm, N the arm's total: its own part in the arm's
// mean hides part of its deviation, the more the larger it is.

export type ArmTotals = {
  /** Sum of n. */
  readonly total: number
  /** Sum of w n^2. */
  readonly squares: number
  readonly hosts: number
  /** Effective number of hosts, 1 / sum((n / N)^2): what the hosts count for given their sizes. */
  readonly effective: number
}

export type Totals = {
  readonly baseline: ArmTotals
  readonly candidate: ArmTotals
  /** Sum of sqrt(w_b w_c) n_b n_c. */
  readonly cross: number
  /** Hosts in both arms. */
  readonly shared: number
}

/** Of one function and metric. Hosts without the function add nothing here, and count in `Totals`. */
export type FunctionSums = {
  readonly xb: number
  readonly xc: number
  /** Sum of w_b x_b^2. */
  readonly bb: number
  /** Sum of w_b x_b n_b. */
  readonly bn: number
  readonly cc: number
  readonly cn: number
  /** Sum of sqrt(w_b w_c) x_b x_c. */
  readonly bc: number
  /** Sum of sqrt(w_b w_c) x_b n_c. */
  readonly xbnc: number
  /** Sum of sqrt(w_b w_c) x_c n_b. */
  readonly xcnb: number
}

/** The sums as if every host's denominator in the candidate were `scale` times what it is. */
export function scaleTotals({ baseline, candidate, cross, shared }: Totals, scale: number): Totals {
  return {
    baseline,
    candidate: {
      ...candidate,
      total: candidate.total * scale,
      squares: candidate.squares * scale * scale,
    },
    cross: cross * scale,
    shared,
  }
}

export function scaleSums(sums: FunctionSums, scale: number): FunctionSums {
  return { ...sums, cn: sums.cn * scale, xbnc: sums.xbnc * scale }
}

const WELL_SAMPLED_SHARE = 2e-4

export function referenceScale(totals: Totals, functions: readonly FunctionSums[]): number {
  return referenceScaleOf(
    functions.map(({ xb, xc }) => ({
      baseline: xb / totals.baseline.total,
      candidate: xc / totals.candidate.total,
    })),
  )
}

/**
 * How far the candidate's whole outgrew what most functions did, from their shares: the median ratio.
 * One function that costs much more makes all other shares fall; with the candidate's denominators
 * scaled by this they stay where they were. The same idea as the size factors of DESeq (Anders and
 * Huber 2010).
 */
export function referenceScaleOf(
  shares: readonly { readonly baseline: number; readonly candidate: number }[],
): number {
  const ratios = shares
    .filter(({ baseline }) => baseline > WELL_SAMPLED_SHARE)
    .map(({ baseline, candidate }) => candidate / baseline)
  const scale = median(ratios)
  return scale > 0 ? scale : 1
}
