import type { Judged, Test } from '../judge/decide.ts'
import type { Estimate } from '../judge/estimate.ts'
import type { Comparison } from '../read/arms.ts'
import type { Clusters, Metric } from '../read/host-sums.ts'
import { METRICS } from '../read/host-sums.ts'
import type { TimeRange } from '../time.ts'
import type { Question } from './question.ts'
import { versionSelector } from './question.ts'

export type TestKey = { readonly function: bigint; readonly metric: Metric }

/** A key as text, to look tests up by. */
export function keyText({ function: fn, metric }: TestKey): string {
  return `${fn} ${metric}`
}

export type ArmFacts = {
  readonly range: TimeRange
  readonly hosts: number
  /** Effective replicates; of days, the days. */
  readonly effective: number
  /** 0 where the type has no period. */
  readonly samples: number
}

export type Tests = {
  /** Normalised as asked. */
  readonly asked: readonly Test<TestKey>[]
  /**
   * With the candidate's whole scaled so that most functions stay as they were: what fell only since
   * another grew does not fall here.
   */
  readonly byReference: readonly Test<TestKey>[]
}

/** What a design made of the store's data. */
export type Measured = {
  readonly tests: Tests
  /** Of the candidate's whole, for `byReference`. */
  readonly scale: number
  readonly baseline: ArmFacts
  readonly candidate: ArmFacts
  /** Of the service while both were compared, in the type's unit. */
  readonly valuePerSecond: number
  /** Where each host's own change can be read; null for days. */
  readonly hosts: Comparison | null
  /** Part of the candidate's total that could not be compared. */
  readonly uncovered: number
}

export type JudgedTests = {
  readonly measured: Measured
  readonly rises: readonly Judged<TestKey>[]
  readonly falls: readonly Judged<TestKey>[]
}

// Fewer samples in both arms together say nothing. The same filter for both, so it favours none.
export const LEAST_SAMPLES = 50
export const LEAST_CLUSTERS = 3

export type Normalize = Question['normalize']

/** Tests of one row. What is in every stack, or in none by itself, cannot change and is left out. */
export function testsOf(
  row: { readonly function: bigint },
  estimate: (metric: Metric) => Estimate,
): Test<TestKey>[] {
  return METRICS.map((metric) => ({
    key: { function: row.function, metric },
    estimate: estimate(metric),
  })).filter(({ estimate: { variance } }) => variance > 0)
}

/** Both sets of tests from one way to make them. */
export function testsBy(
  asked: Normalize,
  make: (normalize: Normalize) => readonly Test<TestKey>[],
): Tests {
  const byReference = make('reference')
  return { asked: asked === 'reference' ? byReference : make(asked), byReference }
}

/** Value of one sample; 1 where the type has no period. */
export function valueOfSample({ totals, samples }: Clusters): number {
  const value = totals.baseline.total + totals.candidate.total
  return samples === null || value === 0 ? 1 : value / (samples.baseline + samples.candidate)
}

export function factsOf(
  clusters: Clusters,
  arm: 'baseline' | 'candidate',
  range: TimeRange,
): ArmFacts {
  const { hosts, effective } = clusters.totals[arm]
  return { range, hosts, effective, samples: Math.round(clusters.samples?.[arm] ?? 0) }
}

export function secondsOf({ fromMs, toMs }: TimeRange): number {
  return (toMs - fromMs) / 1000
}

/** A version's profiles in a range, on some hosts or on all. */
export function armOf(
  { service, type }: Question,
  version: string,
  range: TimeRange,
  clusters?: readonly string[],
): Comparison['baseline'] {
  const scope = { selector: versionSelector(service, version), range, type }
  return { scope, ...(clusters && { clusters }) }
}
