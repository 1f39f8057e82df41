import type { Estimate } from './estimate.ts'

/**
 * Difference in differences: the change on the canary's hosts less the change that the control's
 * hosts saw at the same time. Each is a comparison of before with after.
 */
export function differenceOfChanges(canary: Estimate, control: Estimate): Estimate {
  const delta = canary.delta - control.delta
  return {
    baseline: canary.candidate - delta,
    candidate: canary.candidate,
    delta,
    variance: canary.variance + control.variance,
    df: pooledFreedom([canary, control]),
  }
}

/**
 * Of strata that share no host, such as regions or instance types; `weights` add up to 1 (each
 * stratum's part of the candidate's total).
 */
export function combineStrata(
  estimates: readonly Estimate[],
  weights: readonly number[],
): Estimate {
  const weighted = estimates.map((estimate, i) => scaled(estimate, weights[i] ?? 0))
  const sum = (pick: (estimate: Estimate) => number) =>
    weighted.reduce((all, estimate) => all + pick(estimate), 0)
  return {
    baseline: sum(({ baseline }) => baseline),
    candidate: sum(({ candidate }) => candidate),
    delta: sum(({ delta }) => delta),
    variance: sum(({ variance }) => variance),
    df: pooledFreedom(weighted),
  }
}

function scaled(estimate: Estimate, by: number): Estimate {
  return {
    baseline: estimate.baseline * by,
    candidate: estimate.candidate * by,
    delta: estimate.delta * by,
    variance: estimate.variance * by * by,
    df: estimate.df,
  }
}

/** Of a sum of independent variances, after Satterthwaite. */
function pooledFreedom(parts: readonly Estimate[]): number {
  const variance = parts.reduce((sum, part) => sum + part.variance, 0)
  if (variance === 0) return Math.max(1, Math.min(...parts.map(({ df }) => df)))
  const spread = parts.reduce((sum, part) => sum + part.variance ** 2 / part.df, 0)
  return Math.max(1, variance ** 2 / spread)
}
