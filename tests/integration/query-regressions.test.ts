import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Store } from '../../infra/store/store.ts'
import { RegressionsAnswer } from '../../query/api.ts'
import type { Parameters, TestQuery } from '../fixtures/query-app.ts'
import { createTestQuery, openTestStore } from '../fixtures/query-app.ts'
import { fleetProfiles } from '../fixtures/stored-fleet.ts'
import { storeProfiles } from '../fixtures/stored-profiles.ts'
import type { Window } from '../simulator/fleet.ts'
import { BLOCKS_A_DAY, Fleet, USUAL } from '../simulator/fleet.ts'

const BLOCK_MS = 600_000
// Blocks of the simulation count from here; the question is asked in the afternoon of the eighth day.
const START = Date.UTC(2026, 2, 7)
const NOON = 7 * BLOCKS_A_DAY + 72
const NOW = START + (NOON + 6) * BLOCK_MS
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

let store: Store & AsyncDisposable
let query: TestQuery

type Run = Omit<Window, 'samples' | 'blocks'> & { readonly version: string; readonly to: number }

/** A service on a simulated fleet of its own; each block of a run is one profile a host. */
async function runService(service: string, seed: number, runs: readonly Run[]): Promise<void> {
  const fleet = new Fleet(
    {
      ...{ hosts: 24, functions: 60, exponent: 1.1, noise: USUAL },
      shares: new Map([[30, 0.002]]),
    },
    seed,
  )
  const profiles = runs.flatMap(({ version, from, to, hosts, change }) =>
    range(from, to).flatMap((block) => {
      const window = { hosts, from: block, blocks: 1, samples: 6000, ...(change && { change }) }
      const timeMs = START + block * BLOCK_MS
      return fleetProfiles(fleet.sample(window), { service, version, timeMs })
    }),
  )
  await storeProfiles(store, profiles)
}

const SLOWER = { fn: 30, delta: 0.012 }

beforeAll(async () => {
  store = await openTestStore()
  query = createTestQuery(store, { nowMs: NOW })
  // Half of the hosts got v2, all had v1 before.
  const half = (to: number) => [
    { version: 'v1', hosts: range(0, 24), from: NOON - 6, to: NOON },
    { version: 'v1', hosts: range(0, 12), from: NOON, to },
  ]
  await runService('canaried', 1, [
    ...half(NOON + 6),
    { version: 'v2', hosts: range(12, 24), from: NOON, to: NOON + 6, change: SLOWER },
  ])
  await runService('unchanged', 2, [
    ...half(NOON + 6),
    { version: 'v2', hosts: range(12, 24), from: NOON, to: NOON + 6 },
  ])
  // New hosts for v2, without a history.
  await runService('extended', 3, [
    { version: 'v1', hosts: range(0, 12), from: NOON - 6, to: NOON + 6 },
    { version: 'v2', hosts: range(12, 24), from: NOON, to: NOON + 6, change: SLOWER },
  ])
  // Host after host.
  await runService(
    'rolled',
    4,
    range(0, 24).flatMap((host) => {
      const changed = NOON - 3 + Math.floor(host / 3)
      return [
        { version: 'v1', hosts: [host], from: NOON - 6, to: changed },
        { version: 'v2', hosts: [host], from: changed, to: NOON + 6, change: SLOWER },
      ]
    }),
  )
  // All at once, with a week before it.
  const week = range(0, 7).map((day) => day * BLOCKS_A_DAY + 72)
  await runService('replaced', 5, [
    ...week.map((noon) => ({ version: 'v1', hosts: range(0, 12), from: noon - 6, to: noon + 6 })),
    { version: 'v1', hosts: range(0, 12), from: NOON - 9, to: NOON - 6 },
    { version: 'v2', hosts: range(0, 12), from: NOON - 6, to: NOON + 6, change: SLOWER },
  ])
  await runService('fresh', 6, [
    { version: 'v1', hosts: range(0, 12), from: NOON - 6, to: NOON },
    { version: 'v2', hosts: range(0, 12), from: NOON, to: NOON + 6, change: SLOWER },
  ])
  await runService('lonely', 7, [
    { version: 'v1', hosts: [0], from: NOON - 6, to: NOON + 6 },
    { version: 'v2', hosts: [1], from: NOON, to: NOON + 6, change: SLOWER },
  ])
})
afterAll(() => store[Symbol.asyncDispose]())

function judge(service: string, parameters: Parameters = {}) {
  return query.ask(RegressionsAnswer, 'regressions', { service, ...parameters })
}

describe('a slower function', () => {
  test.each([
    ['canaried', 'did'],
    ['extended', 'canary'],
    ['rolled', 'canary'],
    ['replaced', 'days'],
  ])('of %s is found by %s, alone, with its path', async (service, design) => {
    const answer = await judge(service)
    expect(answer).toMatchObject({ design, verdict: 'regression' })
    expect(answer.baseline.version).toBe('v1')
    expect(answer.candidate.version).toBe('v2')
    expect(answer.regressions.map((row) => row.function.name)).toEqual(['fn30'])
    const [row] = answer.regressions
    expect(row?.path.map(({ name }) => name)).toEqual(['main', 'part2', 'fn30'])
    expect(row?.interval[0]).toBeLessThan(0.012)
    expect(row?.interval[1]).toBeGreaterThan(0.012)
    expect(row?.q).toBeLessThan(0.05)
    expect(row?.cores).toBeGreaterThan(0)
    expect(answer.reason).toContain('fn30')
  })

  test('of a roll-out is compared hour by hour, one of a canary as a whole', async () => {
    expect((await judge('rolled')).byHour).toBe(true)
    expect((await judge('extended')).byHour).toBe(false)
  })

  test('says how many hosts agree, and that no single one makes it', async () => {
    const [row] = (await judge('extended')).regressions
    expect(row?.hostsAgree).toBeGreaterThan(0.9)
    expect(row?.topHost?.weight).toBeLessThan(0.5)
    expect(row?.topHost?.host).toMatch(/^host-\d+$/)
  })
})

describe('no conclusion', () => {
  test('is drawn from an unchanged version but that it is ok', async () => {
    const answer = await judge('unchanged')
    expect(answer.regressions).toEqual([])
    expect(answer.verdict).toBe('ok')
    // And that it would have been found is what makes it so.
    expect(answer.detectable.find(({ share }) => share === 0.01)?.delta).toBeLessThan(0.005)
    const strict = await judge('unchanged', { fail_on: 0.00001 })
    expect(strict.verdict).toBe('inconclusive')
  })

  test('is drawn from the same hosts before and after', async () => {
    const answer = await judge('fresh')
    expect(answer).toMatchObject({ verdict: 'inconclusive', design: 'none', regressions: [] })
    expect(answer.reason).toContain('time cannot be told from the deploy')
  })

  test('is drawn from one host a version', async () => {
    const answer = await judge('lonely')
    expect(answer).toMatchObject({ verdict: 'inconclusive', design: 'none', regressions: [] })
    expect(answer.reason).toContain('effective hosts')
  })

  test('is drawn from fewer hosts than asked for', async () => {
    const answer = await judge('extended', { min_hosts: 20 })
    expect(answer.verdict).toBe('inconclusive')
    expect(answer.regressions.map((row) => row.function.name)).toEqual(['fn30'])
  })
})

describe('a question', () => {
  test('may turn the versions around: what rose, fell', async () => {
    const answer = await judge('extended', { baseline: 'v2', candidate: 'v1' })
    expect(answer.regressions).toEqual([])
    expect(answer.improvements.map((row) => row.function.name)).toEqual(['fn30'])
    expect(answer.improvements[0]?.delta).toBeLessThan(0)
  })

  test('may take the reference for the whole', async () => {
    const answer = await judge('extended', { normalize: 'reference' })
    expect(answer.regressions.map((row) => row.function.name)).toEqual(['fn30'])
  })

  test.each([
    [404, { service: 'absent' }],
    [404, { service: 'extended', baseline: 'v1', candidate: 'v9' }],
    [422, { service: 'fresh', design: 'paired' }],
    [400, { service: 'extended', q: 2 }],
    [400, { service: 'extended', cluster_by: 'no-label' }],
    [400, {}],
  ])('is answered with %d where it cannot be answered', async (status, parameters) => {
    const answer = await query.get('regressions', parameters as Parameters)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ error: { message: expect.any(String) } })
  })
})
