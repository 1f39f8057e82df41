import { describe, expect, test } from 'vitest'
import { combineStrata, differenceOfChanges } from '../../query/judge/combine.ts'
import { compareDays } from '../../query/judge/compare-days.ts'
import { compareHosts } from '../../query/judge/compare-hosts.ts'
import type { HourValues } from '../../query/judge/compare-hours.ts'
import { overHours } from '../../query/judge/compare-hours.ts'
import { pValue } from '../../query/judge/estimate.ts'
import { referenceScale, scaleSums, scaleTotals } from '../../query/judge/host-sums.ts'
import { compareDirectly } from '../simulator/direct.ts'
import { Fleet, USUAL } from '../simulator/fleet.ts'
import type { Arms } from '../simulator/sums.ts'
import { sumFunction, sumTotals } from '../simulator/sums.ts'

const SAMPLES = { kind: 'share', valuePerSample: 1 } as const
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

function fleet(hosts: number, seed: number): Fleet {
  return new Fleet({ hosts, functions: 60, exponent: 1.1, noise: USUAL }, seed)
}

function window(of: Fleet, hosts: readonly number[], change?: { fn: number; delta: number }) {
  return of.sample({ hosts, from: 30, blocks: 2, samples: 3000, ...(change && { change }) })
}

describe('hosts against hosts', () => {
  test.each([
    ['on different hosts', range(0, 10), range(10, 22)],
    ['on the same hosts', range(0, 12), range(0, 12)],
    ['on hosts of which some are in both', range(0, 9), range(5, 16)],
  ])('sums over hosts give what the scores of each host give, %s', (_, before, after) => {
    const service = fleet(22, 7)
    const arms: Arms = { baseline: window(service, before), candidate: window(service, after) }
    const totals = sumTotals(arms)
    for (let fn = 0; fn < 60; fn++) {
      const estimate = compareHosts(totals, sumFunction(arms, totals, fn), SAMPLES)
      const direct = compareDirectly(arms, fn)
      expect(estimate.delta).toBeCloseTo(direct.delta, 14)
      expect(Math.abs(estimate.variance / direct.variance - 1)).toBeLessThan(1e-9)
      expect(Math.abs(estimate.df / direct.df - 1)).toBeLessThan(1e-9)
    }
  })

  test('a function that hosts lack, or the baseline, is compared with their zeros', () => {
    const service = fleet(12, 8)
    const arms: Arms = {
      baseline: window(service, range(0, 6)),
      candidate: window(service, range(6, 12)),
    }
    for (const { x } of arms.baseline) x[3] = 0
    for (const { x } of arms.candidate.slice(0, 3)) x[3] = 0
    const totals = sumTotals(arms)
    const estimate = compareHosts(totals, sumFunction(arms, totals, 3), SAMPLES)
    expect(estimate.baseline).toBe(0)
    expect(Math.abs(estimate.variance / compareDirectly(arms, 3).variance - 1)).toBeLessThan(1e-9)
  })

  test('what is the whole service has no variance and no significance', () => {
    const service = fleet(8, 9)
    const counts = (hosts: number[]) =>
      window(service, hosts).map(({ host, n }) => ({ host, n, x: Float64Array.of(n) }))
    const arms: Arms = { baseline: counts(range(0, 4)), candidate: counts(range(4, 8)) }
    const totals = sumTotals(arms)
    const estimate = compareHosts(totals, sumFunction(arms, totals, 0), SAMPLES)
    expect(estimate.delta).toBe(0)
    expect(pValue(estimate)).toBe(1)
  })

  test('never trusts hosts that agree by more than samples can', () => {
    const same = (host: number) => ({ host, n: 1000, x: Float64Array.of(10) })
    const arms: Arms = { baseline: range(0, 5).map(same), candidate: range(5, 10).map(same) }
    const totals = sumTotals(arms)
    const { variance } = compareHosts(totals, sumFunction(arms, totals, 0), SAMPLES)
    expect(variance).toBeCloseTo((2 * 0.01 * 0.99) / 5000, 15)
  })

  test('counts nanoseconds as the samples they stand for', () => {
    const period = 1e7
    const same = (host: number) => ({ host, n: 1000 * period, x: Float64Array.of(10 * period) })
    const arms: Arms = { baseline: range(0, 5).map(same), candidate: range(5, 10).map(same) }
    const totals = sumTotals(arms)
    const noise = { kind: 'share', valuePerSample: period } as const
    const { variance } = compareHosts(totals, sumFunction(arms, totals, 0), noise)
    expect(variance).toBeCloseTo((2 * 0.01 * 0.99) / 5000, 15)
  })
})

describe('one function that outgrows the rest', () => {
  test('lowers every share, and none against the reference', () => {
    const service = new Fleet(
      { hosts: 40, functions: 60, exponent: 1.1, noise: { ...USUAL, outliers: 0 } },
      3,
    )
    const arms: Arms = {
      baseline: window(service, range(0, 40)),
      candidate: window(service, range(0, 40), { fn: 5, delta: 0.2 }),
    }
    const totals = sumTotals(arms)
    const sums = range(0, 60).map((fn) => sumFunction(arms, totals, fn))
    const scale = referenceScale(totals, sums)
    expect(scale).toBeCloseTo(1 / 1.25, 1)
    const scaled = scaleTotals(totals, scale)
    const falls = (fn: number) => {
      const own = sums[fn] as (typeof sums)[number]
      return {
        share: compareHosts(totals, own, SAMPLES),
        reference: compareHosts(scaled, scaleSums(own, scale), SAMPLES),
      }
    }
    const others = range(0, 30).filter((fn) => fn !== 5)
    const significant = (kind: 'share' | 'reference') =>
      others.filter((fn) => falls(fn)[kind].delta < 0 && pValue(falls(fn)[kind]) < 1e-4).length
    expect(significant('share')).toBeGreaterThan(20)
    expect(significant('reference')).toBeLessThan(2)
  })
})

describe('difference in differences', () => {
  test('takes away what happened to everyone', () => {
    const before = { baseline: 0.01, candidate: 0.013, delta: 0.003, variance: 4e-8, df: 9 }
    const control = { baseline: 0.01, candidate: 0.012, delta: 0.002, variance: 1e-8, df: 30 }
    const change = differenceOfChanges(before, control)
    expect(change.delta).toBeCloseTo(0.001, 15)
    expect(change.baseline + change.delta).toBeCloseTo(change.candidate, 15)
    expect(change.variance).toBeCloseTo(5e-8, 20)
    expect(change.df).toBeCloseTo(5 ** 2 / (4 ** 2 / 9 + 1 / 30), 10)
  })
})

describe('strata of hosts', () => {
  test('do not mistake another mix of machines for a change', () => {
    // A function that costs 1 % on small hosts and 3 % on large ones, in both versions.
    const host = (share: number) => (id: number) => ({
      host: id,
      n: 10_000,
      x: Float64Array.of(share * 10_000 + (id % 3)),
    })
    const small = { baseline: range(0, 2).map(host(0.01)), candidate: range(2, 10).map(host(0.01)) }
    const large = {
      baseline: range(10, 18).map(host(0.03)),
      candidate: range(18, 20).map(host(0.03)),
    }
    const compare = (arms: Arms) => {
      const totals = sumTotals(arms)
      return compareHosts(totals, sumFunction(arms, totals, 0), SAMPLES)
    }
    const mixed = compare({
      baseline: [...small.baseline, ...large.baseline],
      candidate: [...small.candidate, ...large.candidate],
    })
    const stratified = combineStrata([compare(small), compare(large)], [0.8, 0.2])
    expect(mixed.delta).toBeLessThan(-0.01)
    expect(Math.abs(stratified.delta)).toBeLessThan(2e-4)
    expect(stratified.candidate - stratified.baseline).toBeCloseTo(stratified.delta, 15)
  })
})

describe('hours of a rolling deploy', () => {
  const hosts = 12
  const hours = 6
  const share = (hour: number) => 0.02 + 0.004 * hour

  // Host by host goes over to the new version, while the function's share grows all day.
  function roll(): { n: HourValues[]; x: HourValues[] } {
    const values = (of: (host: number, hour: number) => number) =>
      range(0, hours).map((hour) => {
        const isNew = (host: number) => host < 2 * (hour + 1) && hour > 0
        const of_ = (candidate: boolean) =>
          Float64Array.from({ length: hosts }, (_, host) =>
            isNew(host) === candidate ? of(host, hour) : 0,
          )
        return { baseline: of_(false), candidate: of_(true) }
      })
    const n = (host: number) => 20_000 + 1000 * host
    return {
      n: values((host) => n(host)),
      x: values((host, hour) => Math.round(n(host) * share(hour) * (1 + 0.01 * ((host % 3) - 1)))),
    }
  }

  test('are each compared with themselves', () => {
    const { n, x } = roll()
    const estimate = overHours(n, SAMPLES).estimate(x)
    expect(Math.abs(estimate.delta)).toBeLessThan(2e-4)
    expect(pValue(estimate)).toBeGreaterThan(0.05)
  })

  test('say how much of the candidate has no hour to be compared in', () => {
    const { n } = roll()
    const lonely = n.map((hour, at) =>
      at === 2 ? { ...hour, baseline: new Float64Array(hosts) } : hour,
    )
    const all = n.reduce((sum, { candidate }) => sum + candidate.reduce((a, b) => a + b, 0), 0)
    const lost = (n[2] as HourValues).candidate.reduce((a, b) => a + b, 0)
    // In the last hour nobody runs the baseline any more.
    const last = (n[5] as HourValues).candidate.reduce((a, b) => a + b, 0)
    expect(overHours(n, SAMPLES).uncovered).toBeCloseTo(last / all, 12)
    expect(overHours(lonely, SAMPLES).uncovered).toBeCloseTo((last + lost) / all, 12)
  })
})

describe('a day against earlier days', () => {
  test('a function that moves from day to day is not significant by moving once more', () => {
    const days = 7
    const totals = { days: new Array<number>(days).fill(1e6), candidate: 1e6 }
    const steady = { days: [0.01, 0.0101, 0.0099, 0.01, 0.0101, 0.0099, 0.01], candidate: 0.0101 }
    const functions = range(0, 100).map((fn) => ({
      days: steady.days.map((share, day) => share * (1 + 0.01 * (((fn * 7 + day * 13) % 5) - 2))),
      candidate: 0.0101,
    }))
    const changed = { days: steady.days, candidate: 0.015 }
    const estimates = compareDays(totals, [...functions, changed])
    expect(pValue(estimates[0] as (typeof estimates)[number])).toBeGreaterThan(0.05)
    expect(pValue(estimates[100] as (typeof estimates)[number])).toBeLessThan(1e-6)
  })

  test('few samples bound how sure a day can be', () => {
    const totals = { days: [100, 100, 100], candidate: 100 }
    const [one] = compareDays(totals, [{ days: [0.1, 0.1, 0.1], candidate: 0.16 }])
    expect(pValue(one as NonNullable<typeof one>)).toBeGreaterThan(0.05)
  })
})
