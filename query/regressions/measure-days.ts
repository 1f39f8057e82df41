import { mean } from '../judge/average.ts'
import { compareDays } from '../judge/compare-days.ts'
import { referenceScaleOf } from '../judge/host-sums.ts'
import { readWindows } from '../read/day-values.ts'
import type { Metric } from '../read/host-sums.ts'
import { METRICS, readClusters } from '../read/host-sums.ts'
import type { Reader } from '../read/reader.ts'
import type { TimeRange } from '../time.ts'
import { DAY_MS } from '../time.ts'
import type { ArmFacts, Measured } from './measured.ts'
import { armOf, LEAST_SAMPLES, secondsOf, testsBy, testsOf, valueOfSample } from './measured.ts'
import type { Question } from './question.ts'
import { versionSelector } from './question.ts'

const EARLIER_DAYS = 7

/**
 * A window against the same hours of earlier days, whatever version ran then. Days on which the
 * service did not run are left out.
 */
export async function measureDays(
  reader: Reader,
  question: Question,
  window: TimeRange,
): Promise<Measured> {
  const { service, type, candidate, normalize } = question
  const earlier = Array.from({ length: EARLIER_DAYS }, (_, i) => ({
    selector: versionSelector(service),
    range: { fromMs: window.fromMs - (i + 1) * DAY_MS, toMs: window.toMs - (i + 1) * DAY_MS },
    type,
  }))
  const now = { selector: versionSelector(service, candidate), range: window, type }
  const valuePerSample = await readPeriod(reader, question, window)
  const least = LEAST_SAMPLES * valuePerSample
  const { totals, functions } = await readWindows(reader, service, [now, ...earlier], least)

  const whole = (place: number) => totals[place] as number
  const days = earlier.map((_, i) => i + 1).filter((place) => whole(place) > 0)
  const shares = (row: (typeof functions)[number], metric: Metric) => ({
    days: days.map((place) => (row[metric][place] as number) / whole(place)),
    candidate: (row[metric][0] as number) / whole(0),
  })
  const scale = referenceScaleOf(
    functions.map((row) => {
      const { days: earlierShares, candidate: share } = shares(row, 'flat')
      return { baseline: mean(earlierShares), candidate: share }
    }),
  )
  const samples = (place: number) => whole(place) / valuePerSample
  const tests = testsBy(normalize, (by) => {
    if (days.length < 2 || whole(0) === 0) return []
    const scaledBy = by === 'reference' ? scale : 1
    const dayTotals = { days: days.map(samples), candidate: samples(0) * scaledBy }
    const [flat, cum] = METRICS.map((metric) => {
      const rows = functions.map((row) => {
        const own = shares(row, metric)
        return { ...own, candidate: own.candidate / scaledBy }
      })
      return compareDays(dayTotals, rows)
    })
    return functions.flatMap((row, i) => {
      const estimates = { flat: flat?.[i], cum: cum?.[i] }
      return testsOf(row, (metric) => estimates[metric] ?? NO_CHANGE)
    })
  })
  const facts = (range: TimeRange, places: readonly number[]): ArmFacts => ({
    range,
    hosts: 0,
    effective: places.length,
    samples: Math.round(places.reduce((sum, place) => sum + samples(place), 0)),
  })
  return {
    tests,
    scale,
    baseline: facts({ fromMs: window.fromMs - EARLIER_DAYS * DAY_MS, toMs: window.fromMs }, days),
    candidate: facts(window, [0]),
    valuePerSecond: whole(0) / secondsOf(window),
    hosts: null,
    uncovered: 0,
  }
}

const NO_CHANGE = { baseline: 0, candidate: 0, delta: 0, variance: 0, df: 1 }

async function readPeriod(reader: Reader, question: Question, range: TimeRange): Promise<number> {
  const { service, candidate, clusterBy } = question
  const arm = armOf(question, candidate, range)
  return valueOfSample(
    await readClusters(reader, { service, clusterBy, baseline: arm, candidate: arm }),
  )
}
