import { afterAll, beforeAll, expect, it, test } from 'vitest'
import { sql } from '../../infra/store/sql.ts'
import type { Store } from '../../infra/store/store.ts'
import {
  ComparedFunctionsAnswer,
  FlamegraphAnswer,
  HistoryAnswer,
  SeriesAnswer,
} from '../../query/api.ts'
import type { Parameters, TestQuery } from '../fixtures/query-app.ts'
import { createTestQuery, openTestStore } from '../fixtures/query-app.ts'
import { stacksFromFolded, storeProfiles } from '../fixtures/stored-profiles.ts'

// An hour from noon on two hosts, whose profiles before 12:30 have expired. The ten-minute sums are
// kept.

const NOON = Date.UTC(2026, 10, 20, 12)
const MINUTE = 60_000
const SECOND = 1_000_000_000

let store: Store & AsyncDisposable
let query: TestQuery

beforeAll(async () => {
  store = await openTestStore()
  await storeProfiles(
    store,
    ['host-a', 'host-b'].flatMap((host) =>
      Array.from({ length: 60 }, (_, minute) => ({
        ...{ service: 'shop', version: minute < 30 ? 'v1' : 'v2', host },
        ...{ timeMs: NOON + minute * MINUTE, durationMs: MINUTE },
        stacks: stacksFromFolded(`main;work ${SECOND}`),
      })),
    ),
  )
  const until = (NOON + 30 * MINUTE) / 1000
  await store.run(sql`ALTER TABLE profiles DELETE WHERE time < toDateTime(${until}, 'UTC')
    SETTINGS mutations_sync = 1`)
  query = createTestQuery(store, { nowMs: NOON + 10 * 24 * 60 * MINUTE })
})
afterAll(() => store[Symbol.asyncDispose]())

const range = (from: number, to: number) => ({
  from: NOON + from * MINUTE,
  to: NOON + to * MINUTE,
})

async function sideOf(parameters: Parameters) {
  return (
    await query.ask(FlamegraphAnswer, 'flamegraph', { query: '{service="shop"}', ...parameters })
  ).side
}

it('whole ten minutes are answered, and what is worked out is said', async () => {
  const side = await sideOf(range(0, 60))
  expect(side).toMatchObject({ total: 120 * SECOND, profiles: 60, hosts: 2, hostSeconds: 7200 })
  expect(side.samples).toBe(120 * 100)
  expect(side.note).toMatch(
    /^Profiles before 2026-11-20T12:30:00.000Z have expired: values are whole/,
  )
})

it('ends that are no whole ten minutes are missing, and said to be', async () => {
  const side = await sideOf(range(3, 25))
  expect(side).toMatchObject({ total: 20 * SECOND, profiles: 0, samples: null, hosts: 2 })
  expect(side.note).toContain(
    'values of 2026-11-20T12:03:00.000Z to 2026-11-20T12:10:00.000Z and of ' +
      '2026-11-20T12:20:00.000Z to 2026-11-20T12:25:00.000Z are missing',
  )
})

it('only the end that has expired is said to be missing', async () => {
  const side = await sideOf(range(3, 45))
  expect(side.total).toBe(2 * 35 * SECOND)
  expect(side.note).toContain('values of 2026-11-20T12:03:00.000Z to 2026-11-20T12:10:00.000Z are')
})

it('a question the sums cannot answer says what is missing', async () => {
  const side = await sideOf({ query: '{service="shop", host="host-a"}', ...range(0, 60) })
  expect(side).toMatchObject({ total: 30 * SECOND, hosts: 1 })
  expect(side.note).toContain(
    'values of 2026-11-20T12:00:00.000Z to 2026-11-20T12:30:00.000Z are missing',
  )
})

test.each([range(30, 60), range(33, 47), range(60, 90)])(
  'a range that has all of its profiles has no note: %j',
  async (times) => {
    expect((await sideOf(times)).note).toBeUndefined()
  },
)

it('a comparison by host time stays right where profiles are left', async () => {
  const answer = await query.ask(ComparedFunctionsAnswer, 'functions', {
    ...{ a: '{service="shop"}', b: '{service="shop"}', normalize: 'host' },
    ...{ a_from: NOON, a_to: NOON + 60 * MINUTE },
    ...{ b_from: NOON + 30 * MINUTE, b_to: NOON + 60 * MINUTE },
  })
  expect(answer.rows[0]?.delta).toBe(0)
  expect([answer.a.note === undefined, answer.b.note === undefined]).toEqual([false, true])
})

it('series and histories say it too', async () => {
  const selector = { query: '{service="shop"}', by: 'version', ...range(0, 60) }
  const series = await query.ask(SeriesAnswer, 'series', { ...selector, step: '10m' })
  expect(series.series.map(({ labels }) => labels['version'])).toEqual(['v2'])
  expect(series.note).toContain('12:00:00.000Z to 2026-11-20T12:30:00.000Z are missing')
  const history = async (step: string) =>
    query.ask(HistoryAnswer, 'functions/history', { ...selector, step, function: 'work' })
  const rolled = await history('10m')
  expect(
    rolled.series.map(({ labels, flat }) => [labels['version'], flat.map((v) => v / SECOND)]),
  ).toEqual([
    ['v1', [20, 20, 20, 0, 0, 0]],
    ['v2', [0, 0, 0, 20, 20, 20]],
  ])
  expect(rolled.note).toContain('values are whole')
  expect((await history('5m')).note).toContain('are missing')
})
