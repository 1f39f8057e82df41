import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Store } from '../../infra/store/store.ts'
import { DeploysAnswer } from '../../query/api.ts'
import type { TestQuery } from '../fixtures/query-app.ts'
import { createTestQuery, openTestStore } from '../fixtures/query-app.ts'
import { stacksFromFolded, storeProfiles } from '../fixtures/stored-profiles.ts'

const NOON = Date.UTC(2026, 10, 20, 12)
const HOUR = 3_600_000

let store: Store & AsyncDisposable
let query: TestQuery

beforeAll(async () => {
  store = await openTestStore()
  query = createTestQuery(store, { nowMs: NOON })
  const run = (service: string, version: string, host: string, timeMs: number) => ({
    ...{ service, version, host, timeMs },
    stacks: stacksFromFolded('main;work 10'),
  })
  await storeProfiles(store, [
    run('shop', 'v1', 'a', NOON - 5 * HOUR),
    run('shop', 'v2', 'a', NOON - 2 * HOUR),
    run('shop', 'v2', 'b', NOON - HOUR),
    run('search', 'r7', 'c', NOON - 3 * HOUR),
  ])
})
afterAll(() => store[Symbol.asyncDispose]())

function tell(body: unknown): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const headers = { 'content-type': 'application/json' }
  return Promise.resolve(
    query.app.request('/api/v1/deploys', { method: 'POST', body: text, headers }),
  )
}

const list = async (service?: string) =>
  (await query.ask(DeploysAnswer, 'deploys', service === undefined ? {} : { service })).deploys

describe('deploys', () => {
  test('are found by their first profile, the newest first, with the hosts they reached', async () => {
    const found = (await list()).map(({ service, version, firstSeen, hosts }) => [
      ...[service, version, firstSeen, hosts],
    ])
    expect(found).toEqual([
      ['shop', 'v2', new Date(NOON - 2 * HOUR).toISOString(), 2],
      ['search', 'r7', new Date(NOON - 3 * HOUR).toISOString(), 1],
      ['shop', 'v1', new Date(NOON - 5 * HOUR).toISOString(), 1],
    ])
    expect((await list('search')).map(({ version }) => version)).toEqual(['r7'])
  })

  test('carry the commit and the link that were told last', async () => {
    const note = { service: 'shop', version: 'v1', commit: 'abc', link: 'https://ci.test/1' }
    expect((await tell(note)).status).toBe(200)
    // The clock of this test stands still, and the later one still holds.
    const later = createTestQuery(store, { nowMs: NOON + 1 })
    const body = JSON.stringify({ ...note, commit: 'def' })
    const headers = { 'content-type': 'application/json' }
    await later.app.request('/api/v1/deploys', { method: 'POST', body, headers })
    const told = (await list('shop')).find(({ version }) => version === 'v1')
    expect(told).toMatchObject({ commit: 'def', link: 'https://ci.test/1' })
  })

  test('may be told of before they are seen', async () => {
    await tell({ service: 'shop', version: 'v3', commit: 'next' })
    expect((await list('shop')).map(({ version }) => version)).toEqual(['v2', 'v1'])
    await storeProfiles(store, [
      {
        ...{ service: 'shop', version: 'v3', host: 'a', timeMs: NOON - 60_000 },
        stacks: stacksFromFolded('main 1'),
      },
    ])
    expect((await list('shop'))[0]).toMatchObject({ version: 'v3', commit: 'next' })
  })

  test.each([
    ['no service', { version: 'v1' }],
    ['a link that a page could run', { service: 's', version: 'v', link: 'javascript:alert(1)' }],
    ['control characters', { service: 's\u0000', version: 'v' }],
    ['a number', { service: 's', version: 7 }],
    ['no JSON', 'service=s'],
    ['a body over the limit', { service: 's', version: 'v', commit: 'x'.repeat(20_000) }],
  ])('with %s are refused', async (_, body) => {
    const answer = await tell(body)
    expect([400, 413]).toContain(answer.status)
    expect(await answer.json()).toMatchObject({ error: { message: expect.any(String) } })
  })
})
