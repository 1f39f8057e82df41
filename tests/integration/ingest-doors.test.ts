import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EXIT } from '../../infra/cli/command.ts'
import { push } from '../../infra/cli/push.ts'
import { type BatchHeaders, formatBatchHeaders } from '../../infra/contract/batch.ts'
import { functionId, seriesId, stackId } from '../../infra/contract/ids.ts'
import { CPU_TYPE } from '../../infra/contract/profile.ts'
import { type HttpServer, serveHttp } from '../../infra/runtime/http.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { createMetrics } from '../../infra/runtime/metrics.ts'
import { defaultOptions } from '../../infra/runtime/options.ts'
import { openStore } from '../../infra/store/open.ts'
import { storeOptions } from '../../infra/store/options.ts'
import { sql } from '../../infra/store/sql.ts'
import type { Store } from '../../infra/store/store.ts'
import { StoredAnswer } from '../../ingest/doors/answers.ts'
import { createIngest, type Ingest } from '../../ingest/main.ts'
import { ingestOptions } from '../../ingest/options.ts'
import { ErrorBody } from '../../query/api.ts'
import { gzipProfile, profileFromFolded } from '../fixtures/profile-from-text.ts'

// The ingest room on the real embedded store, over real HTTP.

const COLLECTOR = '3f2b8c1e-0000-4000-8000-00000000000a'

let directory: string
let store: Store
let ingest: Ingest
let server: HttpServer

async function start(): Promise<void> {
  const log = silentLog()
  const metrics = createMetrics()
  store = await openStore(
    { ...defaultOptions(storeOptions), data: join(directory, 'data') },
    { log },
  )
  ingest = createIngest({ store, log, metrics, options: defaultOptions(ingestOptions) })
  server = await serveHttp({ apps: [ingest.app], listen: '127.0.0.1:0', log, metrics })
}

async function stop(): Promise<void> {
  await server.close()
  await ingest.close()
  await store.close()
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'flamewatch-ingest-'))
  await start()
})
afterAll(async () => {
  await stop()
  await rm(directory, { recursive: true })
})

const WINDOW_START = Math.floor(Date.now() / 10_000) * 10_000 - 60_000

function batch(service: string, sequence: number, text: string) {
  const headers: BatchHeaders = {
    collector: COLLECTOR,
    epoch: 1_700_000_000_000,
    sequence,
    host: 'host-1',
    windowStart: WINDOW_START,
    windowEnd: WINDOW_START + 10_000,
    account: { taken: 9, idle: 4, kept: 3, dropped: { counts_full: 2 }, faults: { broken: 1 } },
    notes: ['stacks by frame pointers'],
  }
  const labels = { service, version: 'v1', host: 'host-1' }
  const body = gzipProfile(profileFromFolded(text, { labels }))
  return { headers: formatBatchHeaders(headers), body }
}

function post(path: string, body: Uint8Array, headers: Record<string, string> = {}) {
  return fetch(server.url + path, { method: 'POST', body: Buffer.from(body), headers })
}

/** Of a server that was there and is no more. */
async function closedAddress(): Promise<string> {
  const log = silentLog()
  const gone = await serveHttp({ apps: [], listen: '127.0.0.1:0', log, metrics: createMetrics() })
  await gone.close()
  return gone.url
}

async function storedOf(service: string): Promise<unknown> {
  const [row] = await store.rows(sql`SELECT
    (SELECT count() FROM profiles WHERE service = ${service}) AS profiles,
    (SELECT sum(total) FROM profiles WHERE service = ${service}) AS total,
    (SELECT sum(value) FROM stack_10m WHERE service = ${service}) AS rollup`)
  return row
}

describe('a batch of a collector', () => {
  it('is in every table when it is acknowledged', async () => {
    const { headers, body } = batch(
      'tables',
      1,
      'app!main@main.c;libc.so.6!read 30\napp!main@main.c 5',
    )
    const answer = await post('/api/v1/batches', body, headers)
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { duplicate: false, profiles: 1, samples: 2 },
    ])
    const main = functionId('main', 'main.c', 'app')
    const read = functionId('read', '', 'libc.so')
    const deep = stackId([main, read])
    const labels = { service: 'tables', version: 'v1', host: 'host-1' }
    expect(
      await store.rows(sql`SELECT type, version, toUnixTimestamp(time) AS time, duration_ms, period,
        toString(series_id) AS series_id, n, total, arrayMap(id -> toString(id), stack_ids) AS ids, vals
        FROM profiles WHERE service = 'tables'`),
    ).toEqual([
      {
        type: CPU_TYPE,
        version: 'v1',
        time: WINDOW_START / 1000,
        duration_ms: 10_000,
        period: '10101010',
        series_id: String(seriesId(labels)),
        n: 2,
        total: '35',
        ids: [String(deep), String(stackId([main]))],
        vals: ['30', '5'],
      },
    ])
    expect(
      await store.rows(sql`SELECT toString(stack_id) AS stack, sum(value) AS value FROM stack_10m
        WHERE service = 'tables' GROUP BY stack_id ORDER BY value`),
    ).toEqual([
      { stack: String(stackId([main])), value: '5' },
      { stack: String(deep), value: '30' },
    ])
    expect(
      await store.rows(sql`SELECT arrayMap(id -> toString(id), frames) AS frames FROM stacks
        WHERE service = 'tables' AND stack_id = ${deep}`),
    ).toEqual([{ frames: [String(main), String(read)] }])
    expect(
      await store.rows(sql`SELECT name, file, module FROM functions FINAL
        WHERE function_id IN (${main}, ${read}) ORDER BY name`),
    ).toEqual([
      { name: 'main', file: 'main.c', module: 'app' },
      { name: 'read', file: '', module: 'libc.so' },
    ])
    expect(await store.rows(sql`SELECT host, labels FROM series WHERE service = 'tables'`)).toEqual(
      [{ host: 'host-1', labels }],
    )
    expect(
      await store.rows(sql`SELECT sequence, taken, dropped, faults, notes, profiles, samples
        FROM batches WHERE sequence = 1`),
    ).toEqual([
      {
        sequence: '1',
        taken: '9',
        dropped: { counts_full: '2' },
        faults: { broken: '1' },
        notes: ['stacks by frame pointers'],
        profiles: 1,
        samples: 2,
      },
    ])
  })

  it('sent several times at once, and again after a restart, is stored once', async () => {
    const { headers, body } = batch('once', 2, 'main;work 7')
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => post('/api/v1/batches', body, headers)),
    )
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200, 200])
    await stop()
    await start()
    const again = await post('/api/v1/batches', body, headers)
    expect(await again.json()).toMatchObject({ duplicate: true })
    expect(await storedOf('once')).toEqual({ profiles: '1', total: '7', rollup: '7' })
  })

  it('out of order is stored, and known when it comes again', async () => {
    const late = batch('order', 10, 'main 1')
    const early = batch('order', 9, 'main 2')
    expect(await (await post('/api/v1/batches', late.body, late.headers)).json()).toMatchObject({
      duplicate: false,
    })
    expect(await (await post('/api/v1/batches', early.body, early.headers)).json()).toMatchObject({
      duplicate: false,
    })
    expect(await (await post('/api/v1/batches', early.body, early.headers)).json()).toMatchObject({
      duplicate: true,
    })
    expect(await storedOf('order')).toEqual({ profiles: '2', total: '3', rollup: '3' })
  })
})

describe('both doors', () => {
  it('answer in the shapes the API names', async () => {
    const { headers, body } = batch('shapes', 20, 'main 1')
    const taken = [
      await post('/api/v1/batches', body, headers),
      await post('/api/v1/profiles?service=shapes', profileFromFolded('main 1')),
    ]
    const shape = StoredAnswer.strict()
    for (const answer of taken) expect(shape.safeParse(await answer.json()).success).toBe(true)
    const refused = [
      await post('/api/v1/batches', body),
      await post('/api/v1/profiles', new Uint8Array(5)),
    ]
    for (const answer of refused) {
      expect(answer.status).toBe(400)
      expect(ErrorBody.safeParse(await answer.json()).success).toBe(true)
    }
  })

  it('are described in the OpenAPI document', async () => {
    const document = (await (await fetch(`${server.url}/api/v1/openapi.json`)).json()) as {
      paths: Record<string, { post?: { parameters?: { name: string }[]; responses: object } }>
    }
    const { '/api/v1/batches': batches, '/api/v1/profiles': profiles } = document.paths
    for (const route of [batches, profiles])
      expect(Object.keys(route?.post?.responses ?? {})).toEqual(
        expect.arrayContaining(['200', '400', '413', '422', '503']),
      )
    expect(profiles?.post?.parameters?.map(({ name }) => name)).toEqual([
      ...['service', 'version', 'host', 'from', 'to'],
    ])
  })
})

describe('flamewatch push', () => {
  const said: string[] = []
  const options = () => ({
    server: new URL(server.url),
    labels: { service: 'pushed', region: 'eu' },
    print: (line: string) => said.push(line),
    tell: (line: string) => said.push(`! ${line}`),
    wait: async () => {},
  })

  it('stores each file once and says so', async () => {
    said.length = 0
    const file = join(directory, 'cpu.pprof')
    const body = gzipProfile(profileFromFolded('main;work 7\nmain 1', { timeMs: WINDOW_START }))
    await writeFile(file, body)
    expect(await push([file, file], options())).toBe(EXIT.ok)
    expect(said).toEqual([
      `${file}: stored, 2 samples in 1 profile`,
      `${file}: stored before, nothing changed`,
    ])
    expect(await storedOf('pushed')).toEqual({ profiles: '1', total: '8', rollup: '8' })
  })

  it('goes on after a bad file, shows the words of the server and ends with 2', async () => {
    said.length = 0
    const bad = join(directory, 'bad.pprof')
    const good = join(directory, 'good.pprof')
    await writeFile(bad, 'not a profile')
    await writeFile(good, profileFromFolded('other 1', { timeMs: WINDOW_START }))
    const missing = join(directory, 'missing.pprof')
    expect(await push([bad, missing, good], options())).toBe(EXIT.failure)
    expect(said).toEqual([
      expect.stringMatching(/^! .*bad\.pprof: Not a profile to take: .*Send a pprof profile/),
      expect.stringMatching(/^! .*missing\.pprof: ENOENT/),
      expect.stringMatching(/good\.pprof: stored, 1 sample in 1 profile/),
    ])
  })

  it('waits for a server that is away and gives up in the end', async () => {
    said.length = 0
    const file = join(directory, 'cpu.pprof')
    await writeFile(file, profileFromFolded('main 1'))
    const away = { ...options(), server: new URL(await closedAddress()) }
    expect(await push([file], away)).toBe(EXIT.failure)
    expect(said).toHaveLength(7)
    expect(said.at(0)).toMatch(/does not answer: .*ECONNREFUSED.*; trying again in 0.5 s/)
    expect(said.at(-1)).toMatch(/does not answer/)
  })
})
