import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { formatBatchHeaders } from '../../infra/contract/batch.ts'
import { type HttpServer, serveHttp } from '../../infra/runtime/http.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { createMetrics } from '../../infra/runtime/metrics.ts'
import { defaultOptions } from '../../infra/runtime/options.ts'
import { applyMigrations } from '../../infra/store/migrate.ts'
import { createDatabase, openUnmigrated } from '../../infra/store/open.ts'
import { storeOptions } from '../../infra/store/options.ts'
import { sql } from '../../infra/store/sql.ts'
import type { Store } from '../../infra/store/store.ts'
import { createIngest, type Ingest } from '../../ingest/main.ts'
import { ingestOptions } from '../../ingest/options.ts'
import { AuditAnswer } from '../../query/api.ts'
import { type ClickHouseFront, startFront } from '../fixtures/clickhouse-http/front.ts'
import { gzipProfile, profileFromFolded } from '../fixtures/profile-from-text.ts'
import { createTestQuery, type TestQuery } from '../fixtures/query-app.ts'

// Batches by the way collectors' take, then faults behind the store's back: the audit must find each.

const WINDOW_MS = 10_000
const PASSWORD = 'p'
// A whole ten minutes lie between the batches and now.
const NOW = Date.now()
const START = Math.floor(NOW / 600_000) * 600_000 - 1_200_000

let directory: string
let front: ClickHouseFront
let store: Store
let ingest: Ingest
let query: TestQuery
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flamewatch-audit-'))
  front = await startFront({ directory, user: 'u', password: PASSWORD })
  const options = {
    ...defaultOptions(storeOptions),
    ...{ storeUrl: [front.url], storeUser: 'u', storePassword: PASSWORD },
  }
  const log = silentLog()
  await createDatabase(options, { log })
  store = await openUnmigrated(options, { log })
  await applyMigrations(store)
  const metrics = createMetrics()
  ingest = createIngest({ store, log, metrics, options: defaultOptions(ingestOptions) })
  query = createTestQuery(store, { nowMs: NOW })
})
afterAll(async () => {
  await ingest.close()
  await store.close()
  await front.close()
  rmSync(directory, { recursive: true })
})

/** Batch `sequence` of a host: three profiles, of five stacks in all. */
function batchOf(host: string, sequence: number, more: { window?: number; waiting?: number } = {}) {
  const windowStart = START + (more.window ?? sequence) * WINDOW_MS
  const headers = formatBatchHeaders({
    collector: `3f2b8c1e-0000-4000-8000-${Buffer.from(host.padEnd(6)).toString('hex')}`,
    ...{ epoch: 1, sequence, host, windowStart, windowEnd: windowStart + WINDOW_MS, notes: [] },
    account: { taken: 12, idle: 4, kept: 5, dropped: { counts_full: 3 }, faults: {} },
  })
  const labels = { version: 'v1', host }
  const text = ['a', 'b', 'c']
    .map((comm, i) => `main;work {service=${host},comm=${comm}} ${i + 1}`)
    .concat([`main;rest {service=${host},comm=a} 7`, `main;more {service=${host},comm=b} 7`])
  return {
    headers: { ...headers, 'flamewatch-waiting': String(more.waiting ?? 0) },
    body: gzipProfile(profileFromFolded(text.join('\n'), { labels })),
  }
}

async function send(host: string, sequences: readonly number[]): Promise<void> {
  const results = await ingest.write(sequences.map((sequence) => batchOf(host, sequence)))
  for (const result of results) expect(result.kind).toBe('stored')
}

async function audit(host: string) {
  const answer = await query.ask(AuditAnswer, 'audit', { from: START, to: NOW })
  const one = answer.collectors.find((collector) => collector.host === host)
  const sums = answer.unequalSums.filter(({ service }) => service === host)
  return { ...one, sums, fine: answer.fine }
}

const ofHost = (host: string) => sql`service = ${host}`
const rowOf = (host: string, sequence: number) =>
  sql`${ofHost(host)} AND time = toDateTime(${(START + sequence * WINDOW_MS) / 1000}, 'UTC')`

/** What a right audit of `count` batches says. */
const right = (count: number) => ({
  batches: { sent: count, stored: count, spooled: 0, missing: 0 },
  profiles: { sent: count * 3, lacking: 0, doubled: 0 },
  stacks: { sent: count * 5, lacking: 0, doubled: 0 },
  sums: [],
})

describe('an audit finds nothing', () => {
  it('where everything is stored, whatever was sent twice, in parts, or out of order', async () => {
    await send('right', [1, 2, 3])
    await send('right', [2, 5, 4])
    await ingest.write([batchOf('right', 6, { window: 5 })])
    expect(await audit('right')).toMatchObject({
      ...right(6),
      account: { taken: 72, idle: 24, kept: 30, dropped: { counts_full: 18 }, unaccounted: 0 },
      fine: true,
    })
  })

  it('where the ledger has a batch twice, before the store merges it', async () => {
    await send('twice', [1, 2])
    await store.run(sql`INSERT INTO batches SELECT * FROM batches WHERE host = 'twice'`)
    expect(await audit('twice')).toMatchObject({ ...right(2), fine: true })
  })

  it('in batches that wait on a disk still, and counts them', async () => {
    await send('behind', [1])
    await ingest.write([batchOf('behind', 2, { waiting: 4 })])
    expect(await audit('behind')).toMatchObject({
      ...right(2),
      batches: { sent: 6, stored: 2, spooled: 4, missing: 0 },
      fine: true,
    })
  })
})

describe('an audit finds', () => {
  it('batches that never arrived', async () => {
    await send('gaps', [1, 2, 5])
    expect(await audit('gaps')).toMatchObject({
      ...right(3),
      batches: { sent: 5, stored: 3, spooled: 0, missing: 2 },
      fine: false,
    })
  })

  it('a profile that is gone, and the sum it is missing from', async () => {
    await send('gone', [1, 2])
    await store.run(sql`DELETE FROM profiles WHERE ${rowOf('gone', 2)} AND n = 1`)
    expect(await audit('gone')).toMatchObject({
      batches: right(2).batches,
      profiles: { sent: 6, lacking: 1, doubled: 0 },
      stacks: { sent: 10, lacking: 1, doubled: 0 },
      sums: [{ service: 'gone', profiles: '37', sums: '40' }],
    })
  })

  it('a batch of which only the ledger is left', async () => {
    await send('hollow', [1, 2])
    await store.run(sql`DELETE FROM profiles WHERE ${rowOf('hollow', 1)}`)
    expect(await audit('hollow')).toMatchObject({
      profiles: { sent: 6, lacking: 3, doubled: 0 },
      stacks: { sent: 10, lacking: 5, doubled: 0 },
    })
  })

  it('a profile that is there twice', async () => {
    await send('double', [1, 2])
    const again = sql`SELECT * FROM profiles WHERE ${rowOf('double', 2)} AND n = 1`
    await store.run(sql`INSERT INTO profiles ${again}`)
    expect(await audit('double')).toMatchObject({
      profiles: { sent: 6, lacking: 0, doubled: 1 },
      stacks: { sent: 10, lacking: 0, doubled: 1 },
      sums: [{ service: 'double' }],
    })
  })

  it('a stack that is gone from a profile', async () => {
    await send('cut', [1])
    await store.run(sql`ALTER TABLE profiles UPDATE n = n - 1 WHERE ${rowOf('cut', 1)} AND n = 2
      SETTINGS mutations_sync = 2`)
    expect(await audit('cut')).toMatchObject({
      profiles: { sent: 3, lacking: 0, doubled: 0 },
      stacks: { sent: 5, lacking: 2, doubled: 0 },
    })
  })

  it('sums that a view did not write', async () => {
    await send('unsum', [1])
    await store.run(sql`DELETE FROM stack_10m WHERE ${ofHost('unsum')}`)
    expect(await audit('unsum')).toMatchObject({
      profiles: right(1).profiles,
      sums: [{ service: 'unsum', profiles: '20', sums: '0' }],
    })
  })
})

describe('flamewatch audit', () => {
  let server: HttpServer
  beforeAll(async () => {
    const metrics = createMetrics()
    server = await serveHttp({
      ...{ apps: [query.app], listen: '127.0.0.1:0', log: silentLog(), metrics },
    })
  })
  afterAll(() => server.close())

  function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const main = join(import.meta.dirname, '../../infra/cli/main.ts')
    const env = { ...process.env, FLAMEWATCH_STORE_PASSWORD: PASSWORD }
    return new Promise((resolve) => {
      execFile(process.execPath, [main, 'audit', ...args], { env }, (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
      )
    })
  }

  test('of a server prints a row per collector, what is wrong, and ends with 1', async () => {
    const { code, stdout } = await run('--server', server.url)
    expect(code).toBe(1)
    expect(stdout).toMatch(/^\s*sent +stored +spooled +missing .* host and collector$/m)
    expect(stdout).toMatch(/^ *5 +3 +0 +2 +9 +0 +0 +36 +12 +15 +9 +gaps {2}3f2b8c1e-/m)
    expect(stdout).toMatch(/^gaps: 2 batches never arrived/m)
    expect(stdout).toMatch(/^double: 1 profiles are in the store once more/m)
    expect(stdout).toMatch(/^dropped: \d+ samples, counts_full$/m)
  })

  test('of the store itself, without a server, says the same', async () => {
    const [ofServer, ofStore] = await Promise.all([
      run('--server', server.url, '--format', 'json'),
      run('--store-url', front.url, '--store-user', 'u', '--format', 'json'),
    ])
    const read = ({ stdout }: { stdout: string }) => AuditAnswer.parse(JSON.parse(stdout))
    expect(read(ofStore).collectors).toEqual(read(ofServer).collectors)
    expect(ofStore.code).toBe(1)
  })

  test('of a time in which all is well ends with 0, and without an answer with 2', async () => {
    const empty = await run('--server', server.url, '--since', '1s')
    expect(empty).toMatchObject({ code: 0, stderr: '' })
    expect(empty.stdout).toMatch(/No collector sent .*\nNothing is missing, nothing is doubled\./)
    expect((await run('--server', 'http://127.0.0.1:1')).code).toBe(2)
    expect((await run('--since', 'yesterday')).code).toBe(2)
  })
})
