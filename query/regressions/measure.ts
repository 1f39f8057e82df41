import type { Design, Steps } from '../judge/choose-design.ts'
import { differenceOfChanges } from '../judge/combine.ts'
import { compareDays } from '../judge/compare-days.ts'
import type { SamplingNoise } from '../judge/compare-hosts.ts'
import { compareHosts } from '../judge/compare-hosts.ts'
import { overHours } from '../judge/compare-hours.ts'
import type { Judged, Test } from '../judge/decide.ts'
import type { Estimate } from '../judge/estimate.ts'
import type { FunctionSums, Totals } from '../judge/host-sums.ts'
import { referenceScale, scaleSums, scaleTotals } from '../judge/host-sums.ts'
import { readWindows } from '../read/day-values.ts'
import type { Arm, Clusters, Comparison, FunctionRow, Metric } from '../read/host-sums.ts'
import { METRICS, readClusters, readFunctionSums, readStrata } from '../read/host-sums.ts'
import type { Reader } from '../read/reader.ts'
import type { TimeRange } from '../time.ts'
import { DAY_MS } from '../time.ts'
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

export type Measured = {
  readonly tests: readonly Test<TestKey>[]
  readonly baseline: ArmFacts
  readonly candidate: ArmFacts
  /** Of the service while both were compared, in the type's unit. */
  readonly valuePerSecond: number
  /** Where each host's own change can be read; none for days. */
  readonly hosts: Comparison | null
  /** Part of the candidate's total that could not be compared. */
  readonly uncovered: number
}

export type JudgedTests = {
  readonly measured: Measured
  readonly judged: readonly Judged<TestKey>[]
}

// Fewer samples in both arms together say nothing. The same filter for both, so it favours none.
const LEAST_SAMPLES = 50
const LEAST_CLUSTERS = 3
const EARLIER_DAYS = 7

/** A range of steps as time. */
export function timesOf({ fromMs }: TimeRange, stepMs: number, steps: Steps): TimeRange {
  return { fromMs: fromMs + steps.from * stepMs, toMs: fromMs + steps.to * stepMs }
}

export async function measure(
  reader: Reader,
  question: Question,
  design: Exclude<Design, { name: 'days' }>,
  stepMs: number,
): Promise<Measured> {
  const window = timesOf(question.range, stepMs, design.window)
  const arm = (version: string, range: TimeRange, clusters?: readonly string[]): Arm => ({
    scope: {
      selector: versionSelector(question.service, version),
      range,
      type: question.type,
    },
    ...(clusters && { clusters }),
  })
  const compare = (baseline: Arm, candidate: Arm): Comparison => ({
    service: question.service,
    clusterBy: question.clusterBy,
    baseline,
    candidate,
  })
  const { baseline, candidate } = question
  if (design.name !== 'did') {
    const comparison = compare(arm(baseline, window), arm(candidate, window))
    if (design.name === 'canary' && design.byHour) return measureHours(reader, comparison, window)
    const read = await readComparison(reader, question, comparison)
    const tests = read.rows.flatMap((row) => testsOf(row, (metric) => read.estimate(row[metric])))
    return describe(read, tests, window, window)
  }
  const before = timesOf(question.range, stepMs, design.before)
  const [canary, control] = await Promise.all([
    readComparison(
      reader,
      question,
      compare(arm(baseline, before, design.canary), arm(candidate, window, design.canary)),
    ),
    readComparison(
      reader,
      question,
      compare(arm(baseline, before, design.control), arm(baseline, window, design.control)),
    ),
  ])
  const controlRows = new Map(control.rows.map((row) => [row.function, row]))
  const tests = canary.rows.flatMap((row) =>
    testsOf(row, (metric) =>
      differenceOfChanges(
        canary.estimate(row[metric]),
        control.estimate(controlRows.get(row.function)?.[metric] ?? NOTHING),
      ),
    ),
  )
  const measured = describe(canary, tests, before, window)
  return {
    ...measured,
    baseline: factsOf(control.clusters, 'candidate', window),
    valuePerSecond:
      (canary.totals.candidate.total + control.totals.candidate.total) / seconds(window),
  }
}

const STRATA = 6
const HOUR_MS = 3_600_000

async function measureHours(
  reader: Reader,
  comparison: Comparison,
  window: TimeRange,
): Promise<Measured> {
  const clusters = await readClusters(reader, comparison)
  const valuePerSample = valueOfSample(clusters)
  const stratumMs = Math.min(HOUR_MS, Math.ceil((window.toMs - window.fromMs) / STRATA))
  const { denominators, functions } = await readStrata(
    reader,
    comparison,
    clusters.clusters,
    stratumMs,
    LEAST_SAMPLES * valuePerSample,
  )
  const hours = overHours(denominators, { kind: 'share', valuePerSample })
  const tests = functions
    .filter((row) => row.clusters >= LEAST_CLUSTERS)
    .flatMap((row) => testsOf(row, (metric) => hours.estimate(row[metric])))
  const { totals } = clusters
  return {
    tests: hours.uncovered < 1 ? tests : [],
    baseline: factsOf(clusters, 'baseline', window),
    candidate: factsOf(clusters, 'candidate', window),
    valuePerSecond: (totals.baseline.total + totals.candidate.total) / seconds(window),
    hosts: comparison,
    uncovered: hours.uncovered,
  }
}

const NOTHING: FunctionSums = { xb: 0, xc: 0, bb: 0, bn: 0, cc: 0, cn: 0, bc: 0, xbnc: 0, xcnb: 0 }

type ReadComparison = {
  readonly comparison: Comparison
  readonly clusters: Clusters
  readonly totals: Totals
  readonly rows: readonly FunctionRow[]
  readonly estimate: (sums: FunctionSums) => Estimate
}

async function readComparison(
  reader: Reader,
  question: Question,
  comparison: Comparison,
): Promise<ReadComparison> {
  const clusters = await readClusters(reader, comparison)
  const { totals } = clusters
  const valuePerSample = valueOfSample(clusters)
  const measurable = totals.baseline.effective > 1 && totals.candidate.effective > 1
  const rows = measurable
    ? await readFunctionSums(reader, comparison, clusters.clusters, LEAST_SAMPLES * valuePerSample)
    : []
  const scale =
    question.normalize === 'reference'
      ? referenceScale(
          totals,
          rows.map(({ flat }) => flat),
        )
      : 1
  const scaled = scaleTotals(totals, scale)
  const noise: SamplingNoise = { kind: 'share', valuePerSample }
  return {
    comparison,
    clusters,
    totals,
    rows: rows.filter((row) => row.clusters >= LEAST_CLUSTERS),
    estimate: (sums) => compareHosts(scaled, scaleSums(sums, scale), noise),
  }
}

function valueOfSample({ totals, samples }: Clusters): number {
  const value = totals.baseline.total + totals.candidate.total
  return samples === null || value === 0 ? 1 : value / (samples.baseline + samples.candidate)
}

// What is in every stack, or in none by itself, was not tested: it cannot change.
function testsOf(
  row: { readonly function: bigint },
  estimate: (metric: Metric) => Estimate,
): Test<TestKey>[] {
  return METRICS.map((metric) => ({
    key: { function: row.function, metric },
    estimate: estimate(metric),
  })).filter(({ estimate: { variance } }) => variance > 0)
}

function describe(
  read: ReadComparison,
  tests: readonly Test<TestKey>[],
  baseline: TimeRange,
  candidate: TimeRange,
): Measured {
  return {
    tests,
    baseline: factsOf(read.clusters, 'baseline', baseline),
    candidate: factsOf(read.clusters, 'candidate', candidate),
    valuePerSecond:
      read.totals.baseline.total / seconds(baseline) +
      read.totals.candidate.total / seconds(candidate),
    hosts: read.comparison,
    uncovered: 0,
  }
}

function factsOf(clusters: Clusters, arm: 'baseline' | 'candidate', range: TimeRange): ArmFacts {
  const { hosts, effective } = clusters.totals[arm]
  return { range, hosts, effective, samples: Math.round(clusters.samples?.[arm] ?? 0) }
}

function seconds({ fromMs, toMs }: TimeRange): number {
  return (toMs - fromMs) / 1000
}

/**
 * A window against the same hours of earlier days, whatever version ran then. Days on which the
 * service did not run are left out.
 */
export async function measureDays(
  reader: Reader,
  question: Question,
  window: TimeRange,
): Promise<Measured> {
  const { service, type, candidate } = question
  const earlier = Array.from({ length: EARLIER_DAYS }, (_, i) => ({
    selector: versionSelector(service),
    range: { fromMs: window.fromMs - (i + 1) * DAY_MS, toMs: window.toMs - (i + 1) * DAY_MS },
    type,
  }))
  const now = { selector: versionSelector(service, candidate), range: window, type }
  const valuePerSample = await readPeriod(reader, question, window)
  const { totals, functions } = await readWindows(
    reader,
    service,
    [now, ...earlier],
    LEAST_SAMPLES * valuePerSample,
  )
  const days = earlier.map((_, i) => i + 1).filter((i) => (totals[i] as number) > 0)
  const samples = (window_: number) => (totals[window_] as number) / valuePerSample
  const facts = (range: TimeRange, windows: readonly number[]) => ({
    range,
    hosts: 0,
    effective: windows.length,
    samples: Math.round(windows.reduce((sum, i) => sum + samples(i), 0)),
  })
  const measured = {
    baseline: facts({ fromMs: window.fromMs - days.length * DAY_MS, toMs: window.fromMs }, days),
    candidate: facts(window, [0]),
    valuePerSecond: (totals[0] as number) / seconds(window),
    hosts: null,
    uncovered: 0,
  }
  if (days.length < 2 || (totals[0] as number) === 0) return { ...measured, tests: [] }
  const tests = METRICS.flatMap((metric) => {
    const shares = functions.map((row) => ({
      days: days.map((i) => (row[metric][i] as number) / (totals[i] as number)),
      candidate: (row[metric][0] as number) / (totals[0] as number),
    }))
    const estimates = compareDays({ days: days.map(samples), candidate: samples(0) }, shares)
    return functions.flatMap((row, i) => {
      const estimate = estimates[i] as Estimate
      const isWhole = shares[i]?.days.every((share) => share === 1) && shares[i]?.candidate === 1
      return estimate.variance > 0 && !isWhole
        ? [{ key: { function: row.function, metric }, estimate }]
        : []
    })
  })
  return { ...measured, tests }
}

async function readPeriod(reader: Reader, question: Question, range: TimeRange): Promise<number> {
  const { service, type, candidate, clusterBy } = question
  const arm = { scope: { selector: versionSelector(service, candidate), range, type } }
  return valueOfSample(
    await readClusters(reader, { service, clusterBy, baseline: arm, candidate: arm }),
  )
}
