import { differenceOfChanges } from '../judge/combine.ts'
import type { SamplingNoise } from '../judge/compare-hosts.ts'
import { compareHosts } from '../judge/compare-hosts.ts'
import type { Estimate } from '../judge/estimate.ts'
import type { FunctionSums, Totals } from '../judge/host-sums.ts'
import { referenceScale, scaleSums, scaleTotals } from '../judge/host-sums.ts'
import type { Arm, Comparison } from '../read/arms.ts'
import type { Clusters, FunctionRow } from '../read/host-sums.ts'
import { readClusters, readFunctionSums } from '../read/host-sums.ts'
import type { Reader } from '../read/reader.ts'
import type { TimeRange } from '../time.ts'
import type { Measured, Normalize } from './measured.ts'
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

/** Hosts of the candidate against hosts of the baseline, in one window. */
export async function measureHosts(
  reader: Reader,
  question: Question,
  window: TimeRange,
): Promise<Measured> {
  const read = await readComparison(
    reader,
    question,
    armOf(question, question.baseline, window),
    armOf(question, question.candidate, window),
  )
  const { totals } = read
  return {
    tests: testsBy(question.normalize, (normalize) =>
      read.rows.flatMap((row) => testsOf(row, (metric) => read.estimate(row[metric], normalize))),
    ),
    scale: read.scale,
    baseline: factsOf(read.clusters, 'baseline', window),
    candidate: factsOf(read.clusters, 'candidate', window),
    valuePerSecond: (totals.baseline.total + totals.candidate.total) / secondsOf(window),
    hosts: read.comparison,
    uncovered: 0,
  }
}

export type BeforeAfter = {
  readonly window: TimeRange
  readonly before: TimeRange
  /** Hosts that got the candidate, and hosts that kept the baseline. */
  readonly canary: readonly string[]
  readonly control: readonly string[]
}

const NOTHING: FunctionSums = { xb: 0, xc: 0, bb: 0, bn: 0, cc: 0, cn: 0, bc: 0, xbnc: 0, xcnb: 0 }

/** The change of hosts that got the candidate, less that of hosts that did not. */
export async function measureChanges(
  reader: Reader,
  question: Question,
  { window, before, canary, control }: BeforeAfter,
): Promise<Measured> {
  const { baseline, candidate, normalize } = question
  const [own, common] = await Promise.all([
    readComparison(
      reader,
      question,
      armOf(question, baseline, before, canary),
      armOf(question, candidate, window, canary),
    ),
    readComparison(
      reader,
      question,
      armOf(question, baseline, before, control),
      armOf(question, baseline, window, control),
    ),
  ])
  const commonRows = new Map(common.rows.map((row) => [row.function, row]))
  const now = own.totals.candidate.total + common.totals.candidate.total
  return {
    tests: testsBy(normalize, (by) =>
      own.rows.flatMap((row) =>
        testsOf(row, (metric) => {
          const control = commonRows.get(row.function)?.[metric] ?? NOTHING
          return differenceOfChanges(own.estimate(row[metric], by), common.estimate(control, by))
        }),
      ),
    ),
    scale: own.scale,
    baseline: factsOf(common.clusters, 'candidate', window),
    candidate: factsOf(own.clusters, 'candidate', window),
    valuePerSecond: now / secondsOf(window),
    hosts: own.comparison,
    uncovered: 0,
  }
}

type ReadComparison = {
  readonly comparison: Comparison
  readonly clusters: Clusters
  readonly totals: Totals
  readonly rows: readonly FunctionRow[]
  readonly scale: number
  readonly estimate: (sums: FunctionSums, normalize: Normalize) => Estimate
}

async function readComparison(
  reader: Reader,
  { service, clusterBy }: Question,
  baseline: Arm,
  candidate: Arm,
): Promise<ReadComparison> {
  const comparison = { service, clusterBy, baseline, candidate }
  const clusters = await readClusters(reader, comparison)
  const { totals } = clusters
  const valuePerSample = valueOfSample(clusters)
  // With one host there is no scatter, and nothing can be estimated.
  const measurable = totals.baseline.effective > 1 && totals.candidate.effective > 1
  const rows = measurable
    ? await readFunctionSums(reader, comparison, clusters.clusters, LEAST_SAMPLES * valuePerSample)
    : []
  const flat = rows.map((row) => row.flat)
  const scale = referenceScale(totals, flat)
  const scaled = scaleTotals(totals, scale)
  const noise: SamplingNoise = { kind: 'share', valuePerSample }
  return {
    ...{ comparison, clusters, totals, scale },
    rows: rows.filter((row) => row.clusters >= LEAST_CLUSTERS),
    estimate: (sums, normalize) =>
      normalize === 'reference'
        ? compareHosts(scaled, scaleSums(sums, scale), noise)
        : compareHosts(totals, sums, noise),
  }
}
