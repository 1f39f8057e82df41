import type { HourValues } from '../judge/compare-hours.ts'
import { overHours } from '../judge/compare-hours.ts'
import { referenceScaleOf } from '../judge/host-sums.ts'
import type { Stratified } from '../read/host-strata.ts'
import { readStrata } from '../read/host-strata.ts'
import { readClusters } from '../read/host-sums.ts'
import type { Reader } from '../read/reader.ts'
import type { TimeRange } from '../time.ts'
import type { Measured } from './measured.ts'
import {
  armOf,
  factsOf,
  LEAST_CLUSTERS,
  LEAST_SAMPLES,
  secondsOf,
  testsBy,
  testsOf,
  valueOfSample,
} from './measured.ts'
import type { Question } from './question.ts'

const LEAST_STRATA = 6
const HOUR_MS = 3_600_000

/** Hosts against hosts hour by hour, or in sixths of a window shorter than six hours. */
export async function measureHours(
  reader: Reader,
  question: Question,
  window: TimeRange,
): Promise<Measured> {
  const { service, clusterBy, normalize } = question
  const comparison = {
    ...{ service, clusterBy },
    baseline: armOf(question, question.baseline, window),
    candidate: armOf(question, question.candidate, window),
  }
  const clusters = await readClusters(reader, comparison)
  const valuePerSample = valueOfSample(clusters)
  const stratumMs = Math.min(HOUR_MS, Math.ceil((window.toMs - window.fromMs) / LEAST_STRATA))
  const { denominators, functions } = await readStrata(reader, comparison, {
    clusters: clusters.clusters,
    stratumMs,
    leastValue: LEAST_SAMPLES * valuePerSample,
  })
  const noise = { kind: 'share', valuePerSample } as const
  const scale = scaleOf(denominators, functions)
  const hours = overHours(denominators, noise)
  const scaled = overHours(
    denominators.map(({ baseline, candidate }) => ({
      baseline,
      candidate: candidate.map((n) => n * scale),
    })),
    noise,
  )
  const rows = functions.filter((row) => row.clusters >= LEAST_CLUSTERS && hours.uncovered < 1)
  const { totals } = clusters
  return {
    tests: testsBy(normalize, (by) =>
      rows.flatMap((row) =>
        testsOf(row, (metric) => (by === 'reference' ? scaled : hours).estimate(row[metric])),
      ),
    ),
    scale,
    baseline: factsOf(clusters, 'baseline', window),
    candidate: factsOf(clusters, 'candidate', window),
    valuePerSecond: (totals.baseline.total + totals.candidate.total) / secondsOf(window),
    hosts: comparison,
    uncovered: hours.uncovered,
  }
}

function scaleOf(denominators: readonly HourValues[], functions: Stratified['functions']): number {
  const whole = sumBoth(denominators)
  return referenceScaleOf(
    functions.map(({ flat }) => {
      const { baseline, candidate } = sumBoth(flat)
      return { baseline: baseline / whole.baseline, candidate: candidate / whole.candidate }
    }),
  )
}

function sumBoth(hours: readonly HourValues[]) {
  const sum = (arm: keyof HourValues) =>
    hours.reduce((all, hour) => hour[arm].reduce((part, value) => part + value, all), 0)
  return { baseline: sum('baseline'), candidate: sum('candidate') }
}
