import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CPU_TYPE } from '../../infra/contract/profile.ts'
import type { Store } from '../../infra/store/store.ts'
import type { Comparison } from '../../query/read/arms.ts'
import { readClusters, readFunctionSums } from '../../query/read/host-sums.ts'
import { createReader } from '../../query/read/reader.ts'
import { parseSelector } from '../../query/selector.ts'
import { openTestStore } from '../fixtures/query-app.ts'
import type { StoredProfile } from '../fixtures/stored-profiles.ts'
import { frameId, storeProfiles } from '../fixtures/stored-profiles.ts'
import type { HostCounts } from '../simulator/fleet.ts'
import { Fleet, USUAL } from '../simulator/fleet.ts'
import type { Arms } from '../simulator/sums.ts'
import { sumFunction, sumTotals } from '../simulator/sums.ts'

const NOW = Date.UTC(2026, 2, 14, 12)
const PERIOD = 10_000_000
const FUNCTIONS = 40
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

let store: Store & AsyncDisposable
const fleet = new Fleet({ hosts: 14, functions: FUNCTIONS, exponent: 1.1, noise: USUAL }, 31)
// Host 5 runs both versions.
const arms: Arms = {
  baseline: fleet.sample({ hosts: range(0, 6), from: 72, blocks: 1, samples: 20_000 }),
  candidate: fleet.sample({ hosts: range(5, 14), from: 72, blocks: 1, samples: 20_000 }),
}

// Each function is a leaf under `main`, and under itself where it recurs.
function profilesOf(counts: readonly HostCounts[], version: string): StoredProfile[] {
  return counts.flatMap(({ host, x }) =>
    range(0, 3).map((window) => ({
      service: 'checkout',
      version,
      host: `host-${host}`,
      labels: { pod: `pod-${version}-${host}` },
      timeMs: NOW - 600_000 + window * 10_000,
      period: PERIOD,
      stacks: [...x].flatMap((value, fn) => {
        const third = window === 2 ? value - 2 * Math.floor(value / 3) : Math.floor(value / 3)
        if (third === 0) return []
        const frames = ['main', ...(fn % 3 === 0 ? [`fn${fn}`, `fn${fn}`] : [`fn${fn}`])]
        return [{ frames, value: third * PERIOD }]
      }),
    })),
  )
}

function comparison(rest: Partial<Comparison> = {}): Comparison {
  const arm = (version: string) => ({
    scope: {
      selector: parseSelector(`{service="checkout", version="${version}"}`),
      range: { fromMs: NOW - 3_600_000, toMs: NOW },
      type: CPU_TYPE,
    },
  })
  return {
    service: 'checkout',
    baseline: arm('v1'),
    candidate: arm('v2'),
    clusterBy: 'host',
    ...rest,
  }
}

const reader = () =>
  createReader(store, {
    tenant: 'default',
    nowMs: NOW,
    limits: {},
    signal: new AbortController().signal,
  })

beforeAll(async () => {
  store = await openTestStore()
  await storeProfiles(store, [
    ...profilesOf(arms.baseline, 'v1'),
    ...profilesOf(arms.candidate, 'v2'),
  ])
  // Another service and another tenant must not count.
  await storeProfiles(store, [
    {
      service: 'search',
      version: 'v1',
      host: 'host-1',
      timeMs: NOW - 600_000,
      stacks: [{ frames: ['main', 'fn1'], value: 7 }],
    },
    {
      service: 'checkout',
      version: 'v1',
      host: 'host-1',
      tenant: 'other',
      timeMs: NOW - 600_000,
      stacks: [{ frames: ['main', 'fn1'], value: 7 }],
    },
  ])
})
afterAll(() => store[Symbol.asyncDispose]())

function expectNear(actual: number, expected: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-9 * Math.abs(expected))
}

describe('sums over hosts', () => {
  test('are those of the hosts one by one', async () => {
    const { clusters, totals, samples } = await readClusters(reader(), comparison())
    const direct = sumTotals(arms)
    expect(clusters.map(({ name }) => name).sort()).toEqual(
      range(0, 14)
        .map((i) => `host-${i}`)
        .sort(),
    )
    expect(totals.shared).toBe(1)
    expectNear(samples?.candidate as number, direct.candidate.total)
    expectNear(totals.baseline.squares, direct.baseline.squares * PERIOD ** 2)
    expectNear(totals.candidate.effective, direct.candidate.effective)
    expectNear(totals.cross, direct.cross * PERIOD ** 2)

    const rows = await readFunctionSums(reader(), comparison(), clusters, 0)
    expect(rows).toHaveLength(FUNCTIONS + 1)
    for (const fn of range(0, FUNCTIONS)) {
      const row = rows.find((one) => one.function === frameId(`fn${fn}`))
      const expected = sumFunction(arms, direct, fn)
      for (const [key, value] of Object.entries(expected) as [keyof typeof expected, number][]) {
        const scale = key === 'xb' || key === 'xc' ? PERIOD : PERIOD ** 2
        expectNear(row?.flat[key] as number, value * scale)
        // Once per stack, however often it recurs.
        expectNear(row?.cum[key] as number, value * scale)
      }
    }
    const main = rows.find((one) => one.function === frameId('main'))
    expect(main?.flat.xb).toBe(0)
    expect(main?.cum.xb).toBe(totals.baseline.total)
    expect(main?.clusters).toBe(14)
  })

  test('leave out functions with little in both arms together', async () => {
    const { clusters } = await readClusters(reader(), comparison())
    const all = await readFunctionSums(reader(), comparison(), clusters, 0)
    const least = 3000 * PERIOD
    const some = await readFunctionSums(reader(), comparison(), clusters, least)
    const expected = all.filter(({ cum }) => cum.xb + cum.xc >= least)
    expect(some.length).toBeGreaterThan(0)
    expect(some.length).toBeLessThan(all.length)
    expect(some.map((row) => row.function).sort()).toEqual(
      expected.map((row) => row.function).sort(),
    )
  })

  test('count the clusters of an arm that are named, by any label', async () => {
    const of = comparison({ clusterBy: 'pod' })
    const named = {
      ...of,
      candidate: { ...of.candidate, clusters: ['pod-v2-7', 'pod-v2-8', "it's"] },
    }
    const { clusters, totals } = await readClusters(reader(), named)
    expect(clusters.filter(({ nc }) => nc > 0).map(({ name }) => name)).toEqual([
      'pod-v2-7',
      'pod-v2-8',
    ])
    expect(totals.baseline.hosts).toBe(6)
    const rows = await readFunctionSums(reader(), named, clusters, 0)
    const main = rows.find((one) => one.function === frameId('main'))
    expect(main?.cum.xc).toBe(totals.candidate.total)
  })

  test('of nothing are nothing', async () => {
    const nothing = { ...comparison(), service: 'absent' }
    const selector = parseSelector('{service="absent"}')
    const arm = { scope: { ...nothing.baseline.scope, selector } }
    const empty = { ...nothing, baseline: arm, candidate: arm }
    const { clusters, totals, samples } = await readClusters(reader(), empty)
    expect(clusters).toEqual([])
    expect(totals.baseline).toMatchObject({ total: 0, hosts: 0, effective: 0 })
    expect(samples).toBeNull()
    expect(await readFunctionSums(reader(), empty, clusters, 0)).toEqual([])
  })
})
