import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../infra/store/sql.ts'
import { FlamegraphAnswer, LabelValuesAnswer } from '../../query/api.ts'
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

const whole = () => (STORED.length * (STORED.length + 1)) / 2

test('a hostile value finds its own series and no other, on every label', async () => {
  for (const name of ['service', 'version', 'host', 'free']) {
    await Promise.all(
      STORED.map(async (value, i) => {
        const of = (operator: MatchOperator, value: string) =>
          total(formatSelector([{ name, operator, value }]))
        expect(await of('=', value)).toBe(i + 1)
        expect(await of('!=', value)).toBe(whole() - i - 1)
        if (!value.includes('\\E')) expect(await of('=~', `\\Q${value}\\E`)).toBe(i + 1)
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
  const name = fc.constantFrom('service', 'version', 'host', 'free')
  await fc.assert(
    fc.asyncProperty(fc.record({ name, operator, value }), async (matcher) => {
      for (const path of ['flamegraph', 'labels/free/values', 'types']) {
        const answer = await query.get(path, { query: formatSelector([matcher]) })
        const allowed = matcher.operator.includes('~') ? [200, 400] : [200]
        expect(allowed).toContain(answer.status)
      }
    }),
    { numRuns: 60 },
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
