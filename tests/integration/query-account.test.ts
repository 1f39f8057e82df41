import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Account } from '../../infra/contract/account.ts'
import { CPU_TYPE } from '../../infra/contract/profile.ts'
import {
  arrays,
  counts,
  dateTime64s,
  maps,
  nativeBlock,
  strings,
  uint32s,
} from '../../infra/store/native.ts'
import { AccountAnswer, CollectorsAnswer } from '../../query/api.ts'
import type { TestQuery } from '../fixtures/query-app.ts'
import { createTestQuery, openTestStore } from '../fixtures/query-app.ts'

// The account and the collectors, from ledgers written as ingest writes them.

const NOON = Date.UTC(2026, 10, 20, 12)

type Entry = {
  readonly collector: string
  readonly epoch?: number
  readonly sequence: number
  readonly host?: string
  readonly account: Account
  readonly notes?: readonly string[]
  readonly type?: string
}

const ACCOUNT: Account = { taken: 100, idle: 60, kept: 40, dropped: {}, faults: {} }

let store: Awaited<ReturnType<typeof openTestStore>>
let query: TestQuery

beforeAll(async () => {
  store = await openTestStore()
  query = createTestQuery(store, {
    nowMs: NOON + 600_000,
    local: () => ({ state: 'failed', message: 'It may not sample.', hint: 'Run it as root.' }),
  })
  const lossy: Account = {
    ...{ taken: 125, idle: 60, filtered: 5, kept: 50 },
    dropped: { counts_full: 7, spool_full: 3 },
    faults: { broken: 5 },
  }
  const entries: Entry[] = [
    { collector: 'a', sequence: 1, account: ACCOUNT },
    { collector: 'a', sequence: 2, account: lossy, notes: ['old'] },
    // 3 and 4 never came; 5 stands there twice until the store merges.
    { collector: 'a', sequence: 5, account: lossy, notes: ['new'] },
    { collector: 'a', sequence: 5, account: lossy, notes: ['new'] },
    // The spool was lost: a new epoch begins at 1, nothing is missing between the two.
    { collector: 'a', epoch: 2, sequence: 1, account: ACCOUNT, notes: ['newest'], host: 'renamed' },
    { collector: 'b', sequence: 9, account: ACCOUNT, type: 'off_cpu:off_cpu:nanoseconds::' },
  ]
  for (const entry of entries) await storeEntry(entry)
})
afterAll(() => store[Symbol.asyncDispose]())

async function storeEntry(entry: Entry): Promise<void> {
  const {
    collector,
    epoch = 1,
    sequence,
    host = `host-${collector}`,
    account,
    notes = [],
    type = CPU_TYPE,
  } = entry
  const start = NOON + epoch * 100_000 + sequence * 10_000
  const countsOf = (values: Readonly<Partial<Record<string, number>>>) => {
    const present = Object.entries(values).map(([name, n]) => [name, n ?? 0] as const)
    return maps(
      [present.length],
      strings(present.map(([name]) => name)),
      counts(present.map(([, n]) => n)),
    )
  }
  const block = nativeBlock({
    tenant: strings(['default']),
    collector: strings([collector]),
    epoch: counts([epoch]),
    sequence: counts([sequence]),
    host: strings([host]),
    window_start: dateTime64s([start]),
    window_end: dateTime64s([start + 10_000]),
    taken: counts([account.taken]),
    idle: counts([account.idle]),
    filtered: counts([account.filtered ?? 0]),
    type: strings([type]),
    kept: counts([account.kept]),
    dropped: countsOf(account.dropped),
    faults: countsOf(account.faults),
    notes: arrays([notes.length], strings(notes)),
    profiles: uint32s([1]),
    samples: uint32s([1]),
    bytes: uint32s([1]),
  })
  await store.insert('batches', block, null)
}

test('the account adds up every batch once, with each reason, and states the missing ones', async () => {
  const answer = await query.ask(AccountAnswer, 'account')
  expect(answer.total).toEqual({
    ...{ taken: 550, idle: 300, filtered: 10, kept: 220 },
    dropped: { counts_full: 14, spool_full: 6 },
    faults: { broken: 10 },
    unaccounted: 0,
  })
  expect(answer.missingBatches).toBe(2)
  expect(
    answer.collectors.map(({ collector, host, missingBatches }) => [
      collector,
      host,
      missingBatches,
    ]),
  ).toEqual([
    ['b', 'host-b', 0],
    ['a', 'renamed', 2],
  ])
  for (const reason of [...Object.keys(answer.total.dropped), 'broken'])
    expect(answer.reasons[reason]).toMatch(/\w+ \w+/)
})

test('each profile type has an account of its own', async () => {
  const { types } = await query.ask(AccountAnswer, 'account')
  expect(types.map(({ type, account }) => [type, account.taken, account.unaccounted])).toEqual([
    [CPU_TYPE, 450, 0],
    ['off_cpu:off_cpu:nanoseconds::', 100, 0],
  ])
})

test('collectors say when they were heard last and what they note', async () => {
  const answer = await query.ask(CollectorsAnswer, 'collectors')
  expect(answer.collectors).toEqual([
    {
      ...{ collector: 'b', host: 'host-b', lastBatch: '2026-11-20T12:03:20.000Z' },
      ...{ batches: 1, missing: 0, notes: [] },
    },
    {
      ...{ collector: 'a', host: 'renamed', lastBatch: '2026-11-20T12:03:40.000Z' },
      ...{ batches: 4, missing: 2, notes: ['newest'] },
    },
  ])
  expect(answer.local).toEqual({
    state: 'failed',
    message: 'It may not sample.',
    hint: 'Run it as root.',
  })
})

test('only windows that begin in the range count', async () => {
  const answer = await query.ask(AccountAnswer, 'account', {
    from: NOON + 110_000,
    to: NOON + 120_000,
  })
  expect(answer.total.taken).toBe(100)
  expect(answer.missingBatches).toBe(0)
})
