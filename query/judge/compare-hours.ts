import type { SamplingNoise } from './compare-hosts.ts'
import { samplingVariance } from './compare-hosts.ts'
import type { Estimate } from './estimate.ts'

// A rolling deploy has the baseline early and the candidate late, so a change of the load over the day
// would look like one of the version. Here each hour is compared with itself. One host stands in many
// hours, so hours are no independent strata: a host's scores are added up over them first.

/** Values of one hour by host, as `hosts` numbers them; 0 where a host ran nothing of an arm. */
export type HourValues = {
  readonly baseline: Float64Array
  readonly candidate: Float64Array
}

export type HourTotals = {
  readonly estimate: (values: readonly HourValues[]) => Estimate
  /** Part of the candidate's total in hours that lack an arm or have one host in it. */
  readonly uncovered: number
}

type Hour = {
  readonly index: number
  readonly weight: number
  readonly baseline: Arm
  readonly candidate: Arm
}

type Arm = {
  readonly n: Float64Array
  readonly total: number
}

/**
 * Prepares comparisons over hours. `denominators[h]` has the hosts' denominators of hour h, and the
 * values given to `estimate` the function's in the same hours and hosts.
 */
export function overHours(denominators: readonly HourValues[], noise: SamplingNoise): HourTotals {
  const candidateTotal = denominators.reduce((sum, { candidate }) => sum + total(candidate), 0)
  const usable = denominators.flatMap(({ baseline, candidate }, index) => {
    if (count(baseline) < 2 || count(candidate) < 2) return []
    return [{ index, baseline: armOf(baseline), candidate: armOf(candidate) }]
  })
  const covered = usable.reduce((sum, { candidate }) => sum + candidate.total, 0)
  const hours = usable.map((hour) => ({ ...hour, weight: hour.candidate.total / covered }))
  const df = freedom(hours)
  return {
    uncovered: candidateTotal === 0 ? 1 : 1 - covered / candidateTotal,
    estimate: (values) => estimate(hours, values, noise, df),
  }
}

function estimate(
  hours: readonly Hour[],
  values: readonly HourValues[],
  noise: SamplingNoise,
  df: number,
): Estimate {
  const hosts = hours[0]?.baseline.n.length ?? 0
  const scores = new Float64Array(hosts)
  let baseline = 0
  let candidate = 0
  let floor = 0
  for (const { index, weight, baseline: b, candidate: c } of hours) {
    const x = values[index] as HourValues
    const pb = total(x.baseline) / b.total
    const pc = total(x.candidate) / c.total
    baseline += weight * pb
    candidate += weight * pc
    floor +=
      weight ** 2 * (samplingVariance(pb, b.total, noise) + samplingVariance(pc, c.total, noise))
    addScores(scores, c, x.candidate, pc, weight)
    addScores(scores, b, x.baseline, pb, -weight)
  }
  const variance = scores.reduce((sum, score) => sum + score * score, 0)
  return {
    baseline,
    candidate,
    delta: candidate - baseline,
    variance: Math.max(variance, floor),
    df,
  }
}

function addScores(scores: Float64Array, arm: Arm, x: Float64Array, p: number, by: number): void {
  for (let host = 0; host < scores.length; host++) {
    const n = arm.n[host] as number
    if (n === 0) continue
    const score = ((x[host] as number) - p * n) / (arm.total * Math.sqrt(1 - n / arm.total))
    scores[host] = (scores[host] as number) + by * score
  }
}

// On effective hosts over all hours. A rolling deploy has nearly every host in both arms; where none
// is, the fewest still bound the degrees of freedom from below.
function freedom(hours: readonly Hour[]): number {
  const effective = (arm: 'baseline' | 'candidate') => {
    const hosts = hours[0]?.baseline.n.length ?? 0
    const sums = Float64Array.from({ length: hosts }, (_, host) =>
      hours.reduce((sum, hour) => sum + (hour[arm].n[host] as number), 0),
    )
    const all = total(sums)
    return 1 / sums.reduce((sum, n) => sum + (n / all) ** 2, 0)
  }
  if (hours.length === 0) return 1
  return Math.max(1, Math.min(effective('baseline'), effective('candidate')) - 1)
}

function armOf(n: Float64Array): Arm {
  return { n, total: total(n) }
}

function total(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0)
}

function count(values: Float64Array): number {
  return values.reduce((sum, value) => sum + (value > 0 ? 1 : 0), 0)
}
