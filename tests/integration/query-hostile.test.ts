import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../infra/store/sql.ts'
import { FlamegraphAnswer, LabelValuesAnswer, SeriesAnswer } from '../../query/api.ts'
import type { MatchOperator } from '../../query/selector.ts'
import { formatSelector } from '../../query/selector.ts'
import type { TestQuery } from '../fixtures/query-app.ts'
import { createTestQuery, openTestStore } from '../fixtures/query-app.ts'
import { stacksFromFolded, storeProfiles } from '../fixtures/stored-profiles.ts'

// The embedded engine has no users and runs several statements in one text: whatever stands in a
// selector must come out as a value, find what it names, and leave everything else as it is.

const NOON = Date.UTC(2026, 10, 20, 12)

const HOSTILE = [
  "'",
  '\\',
  "\\'",
  "'; DROP TABLE profiles; --",
  "x\\'; DROP TABLE victim; SELECT '1",
  "' OR '1' = '1",
  '"',
  '`',
  '{}',
  '$1',
  '%_',
  '*/',
  '/*',
  '\u202e',
  'ünïcödé 🔥',
  '.*',
  '(',
  '\\E.*\\Q',
  'unhex(',
  '{service:String}',
  '\ud800',
  '\0',
  '\n--',
]

// Without what the door for profiles does not let in: control characters, half characters.
const STORED = HOSTILE.slice(0, HOSTILE.indexOf('\ud800'))

let store: Awaited<ReturnType<typeof openTestStore>>
let query: TestQuery

beforeAll(async () => {
  store = await openTestStore()
  await storeProfiles(
    store,
    STORED.map((value, i) => ({
      ...{ service: value, version: value, host: value, labels: { free: value }, timeMs: NOON },
      stacks: stacksFromFolded(`main;f ${i + 1}`),
    })),
  )
  query = createTestQuery(store, { nowMs: NOON + 60_000 })
})
afterAll(() => store[Symbol.asyncDispose]())

const total = async (selector: string) =>
  (await query.ask(FlamegraphAnswer, 'flamegraph', { query: selector })).side.total

// The same by the route that takes the fewest statements.
async function seriesTotal(selector: string): Promise<number> {
  const { series } = await query.ask(SeriesAnswer, 'series', { query: selector, step: '1h' })
  return series.flatMap(({ values }) => values).reduce((sum, value) => sum + value, 0)
}

const whole = () => (STORED.length * (STORED.length + 1)) / 2

test('a hostile value finds its own series and no other, on every label', async () => {
  for (const name of ['service', 'version', 'host', 'free']) {
    const only = (operator: MatchOperator, value: string) =>
      formatSelector([{ name, operator, value }])
    await Promise.all(
      STORED.map(async (value, i) => {
        expect(await total(only('=', value))).toBe(i + 1)
        expect(await seriesTotal(only('!=', value))).toBe(whole() - i - 1)
        if (!value.includes('\\E'))
          expect(await seriesTotal(only('=~', `\\Q${value}\\E`))).toBe(i + 1)
      }),
    )
    const { values } = await query.ask(LabelValuesAnswer, `labels/${name}/values`)
    expect(new Set(values)).toEqual(new Set(STORED))
  }
})

test('no selector changes or breaks the store', async () => {
  const value = fc.oneof(
    fc.constantFrom(...HOSTILE),
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc
      .array(fc.constantFrom("'", '\\', ';', '--', ' ', 'x', '(', ')', '"', '\n'), {
        maxLength: 12,
      })
      .map((parts) => parts.join('')),
  )
  const operator = fc.constantFrom<MatchOperator>('=', '!=', '=~', '!~')
  const path = fc.constantFrom('flamegraph', 'labels/free/values', 'types', 'series')
  const name = fc.constantFrom('service', 'version', 'host', 'free')
  await fc.assert(
    fc.asyncProperty(fc.record({ name, operator, value }), path, async (matcher, path) => {
      const answer = await query.get(path, { query: formatSelector([matcher]) })
      const allowed = matcher.operator.includes('~') ? [200, 400] : [200]
      expect(allowed).toContain(answer.status)
    }),
    { numRuns: 100 },
  )
  expect(await total('')).toBe(whole())
  const [row] = await store.rows<{ n: string }>(sql`SELECT count() AS n FROM profiles`)
  expect(Number(row?.n)).toBe(STORED.length)
})

test('hostile names of functions and labels are values too', async () => {
  for (const value of HOSTILE) {
    const neighbours = await query.get('functions/neighbours', { function: value })
    expect(neighbours.status).toBe(404)
    const history = await query.get('functions/history', { function: value, query: '' })
    expect(history.status).toBe(404)
    const labels = await query.get(`labels/${encodeURIComponent(value.toWellFormed())}/values`)
    expect([400, 404]).toContain(labels.status)
    const series = await query.get('series', { by: value })
    expect(series.status).toBe(400)
  }
  expect(await total('')).toBe(whole())
})
