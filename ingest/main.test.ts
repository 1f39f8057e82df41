import { afterAll, describe, expect, test } from 'vitest'
import type { BatchHeaders } from '../infra/contract/batch.ts'
import { formatBatchHeaders } from '../infra/contract/batch.ts'
import { functionId, seriesId, stackId } from '../infra/contract/ids.ts'
import { CPU_TYPE } from '../infra/contract/profile.ts'
import { silentLog } from '../infra/runtime/log.ts'
import { createMetrics } from '../infra/runtime/metrics.ts'
import { createSite } from '../infra/runtime/site.ts'
import {
  gzipProfile,
  profileFromColumns,
  profileFromFolded,
} from '../tests/fixtures/profile-from-text.ts'
import { createIngest } from './main.ts'
import { MemoryStore, storeDown } from './testing/memory-store.ts'

const NOW = Date.UTC(2026, 5, 1, 12)
const COLLECTOR = '3f2b8c1e-0000-4000-8000-00000000000a'

const open: { close(): Promise<void> }[] = []
afterAll(() => Promise.all(open.map((ingest) => ingest.close())))

function start(store = new MemoryStore()) {
  const metrics = createMetrics()
  const log = silentLog()
  const options = { rawDays: 7, rollupDays: 90, ingestWorkers: 1, maxBodyMb: 16 }
  let now = NOW
  const ingest = createIngest({ store, log, metrics, options, now: () => now })
  open.push(ingest)
  const site = createSite({ apps: [ingest.app], log, metrics })
  const post = (path: string, body: Uint8Array, headers: Record<string, string> = {}) =>
    site.request(path, { method: 'POST', body: Buffer.from(body), headers })
  const pass = (ms: number) => {
    now += ms
  }
  return { ingest, store, metrics, post, pass }
}

function headersOf(over: Partial<BatchHeaders> = {}): Record<string, string> {
  return formatBatchHeaders({
    collector: COLLECTOR,
    epoch: 1_700_000_000_000,
    sequence: 1,
    host: 'host-1',
    windowStart: NOW - 10_000,
    windowEnd: NOW,
    account: {
      taken: 110,
      idle: 10,
      kept: 90,
      dropped: { counts_full: 10 },
      faults: { broken: 3 },
    },
    notes: ['by frame pointers'],
    ...over,
  })
}

const LABELS = { service: 'checkout', version: 'v1', host: 'host-1' }

const body = gzipProfile(
  profileFromColumns(
    `
    app!main@main.c  app!main@main.c  app!main@main.c
    app!parse        app!parse        app!render
    10               5                7
    comm=a           comm=a           comm=b
    `,
    { labels: LABELS },
  ),
)

describe('the door of collectors', () => {
  test('a batch becomes rows, dictionaries first', async () => {
    const { store, post } = start()
    const answer = await post('/api/v1/batches', body, headersOf())
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { duplicate: false, profiles: 2, samples: 2 },
    ])
    const main = functionId('main', 'main.c', 'app')
    const parse = functionId('parse', '', 'app')
    const render = functionId('render', '', 'app')
    expect(store.table('ingest')).toEqual([
      {
        tenant: 'default',
        service: 'checkout',
        type: CPU_TYPE,
        version: 'v1',
        host: 'host-1',
        time: (NOW - 10_000) / 1000,
        duration_ms: 10_000,
        period: 10_101_010n,
        series_id: seriesId({ ...LABELS, comm: 'a' }),
        labels: { ...LABELS, comm: 'a' },
        raw_days: 7,
        rollup_days: 90,
        topic_partition: 0,
        topic_offset: 0n,
        stack_ids: [stackId([main, parse])],
        vals: [15n],
      },
      expect.objectContaining({
        series_id: seriesId({ ...LABELS, comm: 'b' }),
        stack_ids: [stackId([main, render])],
        vals: [7n],
      }),
    ])
    expect(store.table('functions')).toEqual(
      expect.arrayContaining([
        { tenant: 'default', function_id: main, name: 'main', file: 'main.c', module: 'app' },
        { tenant: 'default', function_id: parse, name: 'parse', file: '', module: 'app' },
        { tenant: 'default', function_id: render, name: 'render', file: '', module: 'app' },
      ]),
    )
    expect(store.table('stacks')).toEqual([
      {
        tenant: 'default',
        service: 'checkout',
        stack_id: stackId([main, parse]),
        frames: [main, parse],
        last_seen: Math.floor((NOW - 10_000) / 86_400_000),
      },
      expect.objectContaining({ stack_id: stackId([main, render]), frames: [main, render] }),
    ])
    expect(store.table('batches')).toEqual([
      {
        tenant: 'default',
        collector: COLLECTOR,
        epoch: 1_700_000_000_000n,
        sequence: 1n,
        host: 'host-1',
        window_start: NOW - 10_000,
        window_end: NOW,
        taken: 110n,
        idle: 10n,
        filtered: 0n,
        waiting: 0,
        type: CPU_TYPE,
        kept: 90n,
        dropped: { counts_full: 10n },
        faults: { broken: 3n },
        notes: ['by frame pointers'],
        profiles: 2,
        samples: 2,
        bytes: body.length,
      },
    ])
    const order = store.inserts.map(({ table }) => table)
    expect(order.slice(2)).toEqual(['ingest', 'batches'])
    expect(order.slice(0, 2).sort()).toEqual(['functions', 'stacks'])
  })

  test('a batch sent twice, also at once, is stored once', async () => {
    const { store, post } = start()
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => post('/api/v1/batches', body, headersOf())),
    )
    const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as {
      duplicate: boolean
    }[]
    expect(bodies.map(({ duplicate }) => duplicate)).toEqual([false, true, true, true])
    expect(store.table('ingest')).toHaveLength(2)
    expect(store.table('batches')).toHaveLength(1)
  })

  test('what the store has acknowledged of dictionaries is not written again', async () => {
    const { store, post } = start()
    await post('/api/v1/batches', body, headersOf())
    await post('/api/v1/batches', body, headersOf({ sequence: 2 }))
    expect(store.table('ingest')).toHaveLength(4)
    expect(store.table('functions')).toHaveLength(3)
    expect(store.table('stacks')).toHaveLength(2)
  })

  test.each(['functions', 'stacks', 'ingest', 'batches'])(
    'when the insert into %s fails nothing is acknowledged and a retry stores it once',
    async (table) => {
      const { store, post } = start()
      store.beforeInsert = (name) => {
        if (name === table) throw storeDown()
      }
      const refused = await post('/api/v1/batches', body, headersOf())
      expect(refused.status).toBe(503)
      expect(refused.headers.get('retry-after')).toBe('1')
      store.beforeInsert = () => {}
      store.afterInsert = (name) => {
        if (name === table) throw storeDown()
      }
      expect((await post('/api/v1/batches', body, headersOf())).status).toBe(503)
      store.afterInsert = () => {}
      expect((await post('/api/v1/batches', body, headersOf())).status).toBe(200)
      expect(store.table('ingest')).toHaveLength(2)
      const ids = new Set(store.table('functions').map((row) => row['function_id']))
      expect(ids.size).toBe(3)
      expect(store.table('stacks').length).toBeGreaterThanOrEqual(2)
    },
  )

  test('a late batch says out_of_range, so that the collector can tell', async () => {
    const { store, post } = start()
    const late = { windowStart: NOW - 8 * 86_400_000, windowEnd: NOW - 8 * 86_400_000 + 10_000 }
    const answer = await post('/api/v1/batches', body, headersOf(late))
    expect(answer.status).toBe(422)
    expect(await answer.json()).toMatchObject({ error: { code: 'out_of_range' } })
    expect(store.inserts).toEqual([])
  })

  test('samples of another host than the header says are refused', async () => {
    const { post } = start()
    const answer = await post('/api/v1/batches', body, headersOf({ host: 'host-2' }))
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({
      error: { code: 'malformed', message: expect.stringContaining('host is "host-1"') },
    })
  })
})

describe('the door of any pprof', () => {
  const profile = profileFromFolded('main;work 3,30\nmain;wait 0,5', {
    sampleTypes: [
      { type: 'samples', unit: 'count' },
      { type: 'cpu', unit: 'nanoseconds' },
    ],
    timeMs: NOW - 60_000,
  })

  test('every sample type becomes a profile, zero values left out', async () => {
    const { store, post } = start()
    const answer = await post('/api/v1/profiles?service=api&region=eu', profile)
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { duplicate: false, profiles: 2, samples: 3 },
    ])
    const rows = store.table('ingest')
    expect(rows.map((row) => [row['type'], row['vals']])).toEqual([
      ['process_cpu:samples:count:cpu:nanoseconds', [3n]],
      [CPU_TYPE, [30n, 5n]],
    ])
    expect(rows[0]?.['labels']).toEqual({
      service: 'api',
      version: 'unknown',
      host: 'unknown',
      region: 'eu',
    })
    expect(rows[0]?.['time']).toBe((NOW - 60_000) / 1000)
  })

  test('the same push twice is stored once', async () => {
    const { store, post } = start()
    await post('/api/v1/profiles?service=api', profile)
    const again = await post('/api/v1/profiles?service=api', profile)
    expect(await again.json()).toEqual({ duplicate: true, profiles: 2, samples: 3 })
    expect(store.table('ingest')).toHaveLength(2)
  })

  test('the same push with a relative time is the same, whenever it comes again', async () => {
    const { store, post, pass } = start()
    const path = '/api/v1/profiles?service=api&from=now-5m'
    store.beforeInsert = (table) => {
      if (table === 'ingest') throw storeDown()
    }
    expect((await post(path, profile)).status).toBe(503)
    store.beforeInsert = () => {}
    pass(60_000)
    expect((await post(path, profile)).status).toBe(200)
    pass(60_000)
    expect(await (await post(path, profile)).json()).toMatchObject({ duplicate: true })
    // Where it was put at first: a part of it may be stored there.
    expect(store.table('ingest').map((row) => row['time'])).toEqual([
      (NOW - 300_000) / 1000,
      (NOW - 300_000) / 1000,
    ])
  })

  test.each<[string, string, number, number]>([
    ['as long as it says, up to `to`', `to=${NOW}`, NOW - 10_000, 10_000],
    ['from and to', `from=${NOW - 7000}&to=${NOW - 2000}`, NOW - 7000, 5000],
    ['from, as long as it says', `from=${NOW - 7000}`, NOW - 7000, 10_000],
    ['until now, since it does not say', '', NOW - 10_000, 10_000],
  ])('a profile is placed %s', async (_, query, timeMs, durationMs) => {
    const { store, post } = start()
    const timeless = profileFromFolded('main 1')
    const answer = await post(`/api/v1/profiles?service=api&${query}`, timeless)
    expect(answer.status).toBe(200)
    expect(store.table('ingest')[0]).toMatchObject({ time: timeMs / 1000, duration_ms: durationMs })
  })

  test('a time of 1970 is no time: old writers took microseconds for nanoseconds', async () => {
    const { store, post } = start()
    const body = profileFromFolded('main 1', { timeMs: NOW / 1000 })
    expect((await post('/api/v1/profiles?service=api', body)).status).toBe(200)
    expect(store.table('ingest')[0]?.['time']).toBe((NOW - 10_000) / 1000)
  })

  test('what the sender says wins over labels of the samples, which win over defaults', async () => {
    const { store, post } = start()
    const labels = { service: 'own', version: 'v7', route: '/a' }
    const body = profileFromFolded('main 1', { labels })
    expect((await post('/api/v1/profiles?service=api&host=h', body)).status).toBe(200)
    expect(store.table('ingest')[0]?.['labels']).toEqual({
      service: 'api',
      version: 'v7',
      host: 'h',
      route: '/a',
    })
  })

  test('a profile without a service is told how to name one', async () => {
    const { post } = start()
    const answer = await post('/api/v1/profiles', profile)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({
      error: { code: 'malformed', hint: expect.stringContaining('?service=NAME') },
    })
  })
})

test('many batches at once go into one insert', async () => {
  const { store, ingest } = start()
  const batches = Array.from({ length: 20 }, (_, i) => ({
    headers: headersOf({ sequence: i + 1 }),
    body,
  }))
  const results = await ingest.write(batches)
  expect(results.every((result) => result.kind === 'stored' && !result.duplicate)).toBe(true)
  expect(store.table('ingest')).toHaveLength(40)
  expect(store.inserts.filter(({ table }) => table === 'ingest')).toHaveLength(1)
  const again = await ingest.write(batches)
  expect(again.every((result) => result.kind === 'stored' && result.duplicate)).toBe(true)
  expect(store.table('ingest')).toHaveLength(40)
})
