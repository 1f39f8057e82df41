import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../infra/runtime/log.ts'
import { defaultOptions } from '../../infra/runtime/options.ts'
import { applyMigrations, planMigrations, readMigrations } from '../../infra/store/migrate.ts'
import { createDatabase, openStore, openUnmigrated } from '../../infra/store/open.ts'
import { storeOptions } from '../../infra/store/options.ts'
import { sql, trustedSql } from '../../infra/store/sql.ts'
import type { Store } from '../../infra/store/store.ts'
import { clusterArguments, halves, unreplicated } from '../fixtures/clickhouse-http/cluster.ts'
import type { ClickHouseFront, FrontOptions } from '../fixtures/clickhouse-http/front.ts'
import { startFront } from '../fixtures/clickhouse-http/front.ts'
import type { MadeSchema } from '../fixtures/clickhouse-http/replicated-schema.ts'
import { ingestBlock } from '../fixtures/ingest-block.ts'
import { createTestQuery, type Parameters } from '../fixtures/query-app.ts'
import { frameId, stacksFromFolded, storeProfiles } from '../fixtures/stored-profiles.ts'

// The cluster form of the schema, made and used by the engine itself. What no embedded engine can
// show (replicas that copy from each other, statements to all servers) is the server's own business.

const log = silentLog()
const NOON = Date.UTC(2026, 10, 20, 12)

let directory: string
const fronts: ClickHouseFront[] = []
const stores: Store[] = []
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flamewatch-cluster-'))
})
afterAll(async () => {
  for (const store of stores) await store.close()
  for (const front of fronts) await front.close()
  rmSync(directory, { recursive: true })
})

async function openDatabase(storeDatabase: string, more: Partial<FrontOptions>): Promise<Store> {
  const engine = fronts.length === 0 ? clusterArguments(directory) : []
  const front = await startFront({
    ...{ directory: join(directory, 'store'), user: 'u', password: 'p', engine },
    ...more,
  })
  fronts.push(front)
  const options = {
    ...defaultOptions(storeOptions),
    ...{ storeUrl: [front.url], storeUser: 'u', storePassword: 'p', storeDatabase },
  }
  await createDatabase(options, { log })
  const store = await openUnmigrated(options, { log })
  stores.push(store)
  return store
}

const known = await readMigrations()
const tables = known
  .flatMap(({ statements }) => statements)
  .flatMap((statement) => /^CREATE TABLE IF NOT EXISTS (\w+)/.exec(statement)?.[1] ?? [])
// Small, and without a column to be spread by: each server has all of it.
const whole = ['deploys']
const spreadTables = tables.filter((table) => !whole.includes(table))

describe('the schema of a cluster', () => {
  it('is made by the engine: replicated tables, distributed ones over them, views between', () => {
    const program = new URL('../fixtures/clickhouse-http/replicated-schema.ts', import.meta.url)
    const { stdout } = spawnSync(process.execPath, [fileURLToPath(program), directory], {
      timeout: 60_000,
    })
    const made = JSON.parse(stdout.toString()) as MadeSchema
    const find = (name: string) => made.tables.find((table) => table.name === name)
    for (const table of whole)
      expect(find(table)?.engine, table).toMatch(/^Replicated\w*MergeTree$/)
    for (const table of spreadTables) {
      expect(find(table)?.engine, table).toBe('Distributed')
      const stored = table === 'ingest' ? /^Null$/ : /^Replicated\w*MergeTree$/
      expect(find(`${table}_local`)?.engine, table).toMatch(stored)
    }
    // The keeper took each: a path of its own, under this server's name.
    const ofKeeper = spreadTables
      .filter((table) => table !== 'ingest')
      .map((table) => ({
        table: `${table}_local`,
        path: `/clickhouse/tables/1/replicated.${table}`,
        name: 'a',
      }))
    expect(made.replicas).toEqual(expect.arrayContaining(ofKeeper))
    for (const table of ['profiles', 'series', 'stack_10m'])
      expect(find(`${table}_local`)?.full).toContain(
        'replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800',
      )
  })
})

describe('a cluster of one shard', () => {
  let store: Store
  const form = { cluster: 'one', database: 'one_shard' }
  beforeAll(async () => {
    store = await openDatabase('one_shard', { rewrite: unreplicated })
    await applyMigrations(store, { form })
  })

  const stored = async (service: string) => {
    const [row] = await store.rows(sql`SELECT
      (SELECT count() FROM profiles WHERE service = ${service}) AS profiles,
      (SELECT sum(total) FROM profiles WHERE service = ${service}) AS total,
      (SELECT sum(value) FROM stack_10m WHERE service = ${service}) AS rollup,
      (SELECT count() FROM series WHERE service = ${service}) AS series`)
    return row
  }

  it('is migrated once, and known as migrated', async () => {
    expect(await applyMigrations(store, { form })).toEqual([])
    expect((await planMigrations(store)).pending).toEqual([])
  })

  it('refuses the form of one server, and one server that of a cluster', async () => {
    await expect(applyMigrations(store)).rejects.toMatchObject({
      code: 'migration',
      hint: expect.stringContaining('--cluster'),
    })
    const single = await openDatabase('one_server', {})
    await applyMigrations(single)
    await expect(
      applyMigrations(single, { form: { cluster: 'one', database: 'one_server' } }),
    ).rejects.toMatchObject({
      code: 'migration',
      hint: expect.stringContaining('without --cluster'),
    })
  })

  it.each([
    ['small', { profiles: 4, stacks: 50, time: NOON / 1000, spacingSeconds: -30_000 }],
    ['large', { profiles: 1000, stacks: 300, time: NOON / 1000 }],
  ])(
    'stores a %s block through the distributed table once, in all tables',
    async (service, shape) => {
      const block = ingestBlock({ ...shape, service })
      const token = `${randomUUID()}/1/1`
      for (let i = 0; i < 3; i++) await store.insert('ingest', block, token)
      const total = String(shape.profiles * shape.stacks * 10)
      const { profiles } = shape
      const counts = { profiles: String(profiles), total, rollup: total, series: String(profiles) }
      expect(await stored(service)).toEqual(counts)
      // Under another token the same rows are others.
      await store.insert('ingest', block, `${randomUUID()}/1/2`)
      expect(await stored(service)).toMatchObject({ profiles: String(profiles * 2) })
    },
  )
})

describe('a cluster of two shards', () => {
  // Which rows lie on which shard; as cluster-form.ts spreads them, by series for the sums.
  const columns = {
    ...{ profiles: 'series_id', series: 'series_id', batches: 'collector' },
    ...{ stacks: 'stack_id', functions: 'function_id', stack_10m: 'stack_id' },
  }
  let single: Store
  let spread: Store
  beforeAll(async () => {
    single = await openDatabase('single', {})
    await applyMigrations(single)
    await storeProfiles(single, profilesOfAnHour())
    // As three collectors would have sent them, one batch short.
    await single.run(sql`INSERT INTO batches (tenant, collector, epoch, sequence, host, window_start,
        window_end, taken, idle, kept, profiles, samples)
      SELECT 'default', arrayJoin(['a', 'b', 'c']) AS collector, 1, number + 1,
        concat('host-', collector), fromUnixTimestamp64Milli(toInt64(${NOON} + number * 60000)),
        fromUnixTimestamp64Milli(toInt64(${NOON} + number * 60000 + 10000)), 10, 4, 6, 2, 4
      FROM numbers(60) WHERE number != 7`)
    const before = halves('spread', columns)
    spread = await openDatabase('spread', { rewrite: unreplicated, before })
    await applyMigrations(spread, { form: { cluster: 'two', database: 'spread' } })
    for (const table of spreadTables.filter((table) => table !== 'ingest'))
      await single.run(
        trustedSql(`INSERT INTO spread.${table}_local SELECT * FROM single.${table}`),
      )
  })

  it('has rows on both', async () => {
    const rows = await spread.rows<{ shard: number; n: string }>(
      sql`SELECT shardNum() AS shard, count() AS n FROM profiles GROUP BY shard ORDER BY shard`,
    )
    expect(rows).toHaveLength(2)
    expect(rows.reduce((sum, { n }) => sum + Number(n), 0)).toBe(profilesOfAnHour().length)
  })

  const checkout = '{service="checkout"}'
  const v1 = '{service="checkout", version="v1"}'
  const v2 = '{service="checkout", version="v2"}'
  const eu = '{service="checkout", region="eu"}'
  it.each<[string, Parameters]>([
    ['services', {}],
    ['hosts', {}],
    ['collectors', {}],
    ['account', {}],
    ['audit', {}],
    ['regressions', { service: 'checkout' }],
    ['types', {}],
    ['labels', { query: checkout }],
    ['labels/region/values', {}],
    ['labels/service/values', { query: eu }],
    ['series', { query: checkout }],
    ['series', { query: checkout, by: 'host,version' }],
    ['series', { by: 'region' }],
    ['flamegraph', {}],
    ['flamegraph', { query: v1 }],
    ['flamegraph', { query: eu }],
    ['flamegraph', { query: '{host=~"host-[ab]"}', format: 'folded' }],
    ['flamegraph', { query: checkout, from: NOON + 61_000, to: NOON + 1_999_000 }],
    ['diff', { a: v1, b: v2 }],
    ['diff', { a: '{host="host-a"}', b: '{host="host-b"}', normalize: 'host' }],
    ['functions', { query: checkout, sort: 'cum' }],
    ['functions', { a: v1, b: v2 }],
    ['functions/neighbours', { query: checkout, function: String(frameId('parse')) }],
    ['functions/history', { query: checkout, function: String(frameId('parse')), by: 'version' }],
  ])('answers %s %j as one server does', async (path, parameters) => {
    const ask = async (store: Store) => {
      const answer = await createTestQuery(store, { nowMs: NOON + 3_600_000 }).get(path, parameters)
      return { status: answer.status, body: await answer.text() }
    }
    const expected = await ask(single)
    expect(expected.status, expected.body).toBe(200)
    expect(await ask(spread)).toEqual(expected)
  })
})

it('a server whose tables are spread is used by the same statements', async () => {
  const front = fronts[0] as ClickHouseFront
  const options = {
    ...defaultOptions(storeOptions),
    ...{ storeUrl: [front.url], storeUser: 'u', storePassword: 'p', storeDatabase: 'one_shard' },
  }
  const store = await openStore(options, { log })
  await store.ping()
  await store.close()
})

function profilesOfAnHour() {
  return ['host-a', 'host-b', 'host-c'].flatMap((host, h) =>
    Array.from({ length: 60 }, (_, i) => NOON + i * 60_000).flatMap((timeMs, i) => [
      {
        ...{ service: 'checkout', version: i < 30 ? 'v1' : 'v2', host, timeMs },
        labels: { region: host === 'host-a' ? 'eu' : 'us' },
        stacks: stacksFromFolded(`
          main;parse;read 10000000
          main;parse;parse;read ${(h + 1) * 20_000_000}
          main;render ${i < 30 ? 10_000_000 : 30_000_000}`),
      },
      {
        ...{ service: 'search', version: '2026.1', host, timeMs },
        stacks: stacksFromFolded('main;query 30000000'),
      },
    ]),
  )
}
