import { differenceOfChanges } from '../../query/judge/combine.ts'
import { compareDays } from '../../query/judge/compare-days.ts'
import { compareHosts } from '../../query/judge/compare-hosts.ts'
import type { Judged, Test, Thresholds } from '../../query/judge/decide.ts'
import { decide } from '../../query/judge/decide.ts'
import type { Estimate } from '../../query/judge/estimate.ts'
import type { Fleet, HostCounts, Window } from './fleet.ts'
import { BLOCKS_A_DAY } from './fleet.ts'
import type { Arms } from './sums.ts'
import { sumFunction, sumTotals } from './sums.ts'

// One simulated comparison, judged the way the service does: from sums over hosts, over all functions
// with enough samples.

export const METHODS = ['naive', 'canary', 'did', 'days'] as const
export type Method = (typeof METHODS)[number]

export type TrialShape = {
  readonly canaryHosts: readonly number[]
  readonly controlHosts: readonly number[]
  /** Block the compared window begins with. */
  readonly from: number
  readonly blocks: number
  readonly samples: number
  /** Of the candidate. */
  readonly change?: Window['change']
}

export type Verdicts = Record<Method, readonly Judged<number>[]>

const SAMPLES = { kind: 'share', valuePerSample: 1 } as const
const LEAST_SAMPLES = 50
const LEAST_HOSTS = 3
const EARLIER_DAYS = 7
// Of a difference in differences: the hour that ends an hour before the compared window.
const BLOCKS_BEFORE = 12

export function runTrial(
  fleet: Fleet,
  shape: TrialShape,
  thresholds: Thresholds,
  methods: readonly Method[] = METHODS,
): Verdicts {
  const { from, blocks, samples, change } = shape
  const draw = (hosts: readonly number[], at: number, changed = false) =>
    fleet.sample({ hosts, from: at, blocks, samples, ...(changed && change ? { change } : {}) })
  const arms = {
    baseline: draw(shape.controlHosts, from),
    candidate: draw(shape.canaryHosts, from, true),
  }
  const judge = (method: Method, estimates: () => readonly Test<number>[]) =>
    methods.includes(method) ? decide(estimates(), thresholds) : []
  return {
    naive: judge('naive', () => eachFunction(arms, naive(arms))),
    canary: judge('canary', () => eachFunction(arms, acrossHosts(arms))),
    did: judge('did', () => {
      const before = from - BLOCKS_BEFORE
      const canary = acrossHosts({
        baseline: draw(shape.canaryHosts, before),
        candidate: arms.candidate,
      })
      const control = acrossHosts({
        baseline: draw(shape.controlHosts, before),
        candidate: arms.baseline,
      })
      return eachFunction(arms, (fn) => differenceOfChanges(canary(fn), control(fn)))
    }),
    // All hosts went over at once: there is nobody to compare with but earlier days.
    days: judge('days', () => {
      const hosts = [...shape.controlHosts, ...shape.canaryHosts]
      const after = draw(hosts, from, true)
      const days = Array.from({ length: EARLIER_DAYS }, (_, i) =>
        draw(hosts, from - (EARLIER_DAYS - i) * BLOCKS_A_DAY),
      )
      return acrossDays(days, after)
    }),
  }
}

function acrossHosts(arms: Arms): (fn: number) => Estimate {
  const totals = sumTotals(arms)
  return (fn) => compareHosts(totals, sumFunction(arms, totals, fn), SAMPLES)
}

/** The two-proportion test that takes samples for independent. */
function naive({ baseline, candidate }: Arms): (fn: number) => Estimate {
  const [nb, nc] = [whole(baseline), whole(candidate)]
  return (fn) => {
    const pb = sumOf(baseline, fn) / nb
    const pc = sumOf(candidate, fn) / nc
    const p = (sumOf(baseline, fn) + sumOf(candidate, fn)) / (nb + nc)
    const variance = p * (1 - p) * (1 / nb + 1 / nc)
    return { baseline: pb, candidate: pc, delta: pc - pb, variance, df: 1e6 }
  }
}

function acrossDays(days: readonly HostCounts[][], after: readonly HostCounts[]): Test<number>[] {
  const totals = { days: days.map(whole), candidate: whole(after) }
  const functions = after[0]?.x.length ?? 0
  const keys = Array.from({ length: functions }, (_, fn) => fn).filter(
    (fn) => sumOf(after, fn) + days.reduce((sum, day) => sum + sumOf(day, fn), 0) >= LEAST_SAMPLES,
  )
  const estimates = compareDays(
    totals,
    keys.map((fn) => ({
      days: days.map((day) => sumOf(day, fn) / whole(day)),
      candidate: sumOf(after, fn) / totals.candidate,
    })),
  )
  return keys.map((key, i) => ({ key, estimate: estimates[i] as Estimate }))
}

function eachFunction(arms: Arms, estimate: (fn: number) => Estimate): Test<number>[] {
  const hosts = [...arms.baseline, ...arms.candidate]
  const functions = hosts[0]?.x.length ?? 0
  const tests: Test<number>[] = []
  for (let fn = 0; fn < functions; fn++) {
    const present = hosts.filter(({ x }) => (x[fn] as number) > 0).length
    if (present < LEAST_HOSTS || sumOf(hosts, fn) < LEAST_SAMPLES) continue
    tests.push({ key: fn, estimate: estimate(fn) })
  }
  return tests
}

function sumOf(hosts: readonly HostCounts[], fn: number): number {
  return hosts.reduce((sum, { x }) => sum + (x[fn] as number), 0)
}

function whole(hosts: readonly HostCounts[]): number {
  return hosts.reduce((sum, { n }) => sum + n, 0)
}
