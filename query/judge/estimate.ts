import { criticalT, twoSidedP } from './student.ts'

/**
 * How much a function's cost changed. In the unit of the normalisation: shares of the service's
 * samples, or value per request or host-second.
 */
export type Estimate = {
  /** What would have been expected without a change. */
  readonly baseline: number
  readonly candidate: number
  /** candidate - baseline. */
  readonly delta: number
  /** Of `delta`; 0 where nothing can vary, as for the root's share. */
  readonly variance: number
  /** Degrees of freedom of `variance`, at least 1. */
  readonly df: number
}

/** Two-sided p of "nothing changed"; 1 where the estimate has no variance. */
export function pValue({ delta, variance, df }: Estimate): number {
  return variance > 0 ? twoSidedP(delta / Math.sqrt(variance), df) : 1
}

/** Half the width of the 95 % confidence interval of `delta`. */
export function halfWidth({ variance, df }: Estimate): number {
  return criticalT(0.05, df) * Math.sqrt(variance)
}

// Standard normal quantile of 80 % power.
const POWER_Z = 0.84

/**
 * The smallest change that would be found in four of five cases at the two-sided `level`. With the
 * level of one among many tests (q / tests) it is conservative once several functions changed.
 */
export function detectable({ variance, df }: Estimate, level: number): number {
  return (criticalT(level, df) + POWER_Z) * Math.sqrt(variance)
}
