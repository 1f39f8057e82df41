import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command } from '../../infra/cli/migrate.ts'
import { Lifecycle } from '../../infra/runtime/lifecycle.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { createMetrics } from '../../infra/runtime/metrics.ts'
import { defaultOptions } from '../../infra/runtime/options.ts'
import { readMigrations } from '../../infra/store/migrate.ts'
import { createDatabase, openStore, openUnmigrated } from '../../infra/store/open.ts'
import { type StoreOptions, storeOptions } from '../../infra/store/options.ts'
import { splitStatements } from '../../infra/store/split-sql.ts'
import { trustedSql } from '../../infra/store/sql.ts'
import { type ClickHouseFront, startFront } from '../fixtures/clickhouse-http/front.ts'

const log = silentLog()
const names = (await readMigrations()).map(({ name }) => name)

/** What `flamewatch migrate` printed. */
async function migrate(
  options: StoreOptions,
  dryRun: boolean,
  more: { readonly print?: boolean; readonly cluster?: string } = {},
): Promise<string[]> {
  const printed: string[] = []
  const exitCode = await command.run({
    options: { ...defaultOptions(command.options), ...options, dryRun, ...more },
    environment: {},
    args: [],
    log,
    metrics: createMetrics(),
    lifecycle: new Lifecycle(log),
    print: (line) => printed.push(line),
    tell: () => {},
  })
  expect(exitCode).toBe(0)
  return printed
}

describe('flamewatch migrate', () => {
  let directory: string
  let front: ClickHouseFront
  let server: StoreOptions
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'flamewatch-migrate-'))
    front = await startFront({ directory, user: 'u', password: 'p' })
    server = {
      ...defaultOptions(storeOptions),
      storeUrl: [front.url],
      storeUser: 'u',
      storePassword: 'p',
      storeDatabase: 'made_by_migrate',
    }
  })
  afterAll(async () => {
    await front.close()
    await rm(directory, { recursive: true })
  })

  it('shows, then makes the database and applies, then has nothing left to do', async () => {
    const pending = names.map((name) =>
      expect.stringMatching(`^${name}  pending, \\d+ statements$`),
    )
    expect(await migrate(server, true)).toEqual(pending)
    // A dry run changed nothing.
    expect(await migrate(server, true)).toEqual(pending)
    await expect(openStore(server, { log })).rejects.toMatchObject({ code: 'migration' })

    expect(await migrate(server, false)).toEqual([
      ...pending,
      ...names.map((name) => `${name}  applied now`),
    ])
    expect(await migrate(server, false)).toEqual(names.map((name) => `${name}  applied`))
    await (await openStore(server, { log })).close()
  })

  it('by two at once on an empty server ends well for both', async () => {
    const options = { ...server, storeDatabase: 'made_by_two' }
    await Promise.all([migrate(options, false), migrate(options, false)])
    expect(await migrate(options, true)).toEqual(names.map((name) => `${name}  applied`))
  })

  it('prints a script that makes the same schema by hand', async () => {
    const options = { ...server, storeDatabase: 'made_by_hand' }
    const statements = splitStatements((await migrate(options, false, { print: true })).join('\n'))
    expect(statements.slice(0, 2)).toEqual([
      'CREATE DATABASE IF NOT EXISTS made_by_hand',
      'USE made_by_hand',
    ])
    await createDatabase(options, { log })
    const store = await openUnmigrated(options, { log })
    for (const statement of statements.slice(2)) await store.run(trustedSql(statement))
    await store.close()
    await (await openStore(options, { log })).close()
  })

  it('prints that of a cluster, every statement of it for all servers', async () => {
    const printed = await migrate(server, false, { print: true, cluster: 'main' })
    const creating = printed.filter((line) => line.startsWith('CREATE'))
    expect(creating.length).toBeGreaterThan(15)
    for (const line of creating) expect(line).toMatch(/^CREATE [^(]* ON CLUSTER 'main'/)
  })

  it('wants a server for a cluster', async () => {
    const options = { ...server, storeUrl: undefined }
    await expect(migrate(options, false, { cluster: 'main' })).rejects.toMatchObject({
      code: 'option_invalid',
      hint: expect.stringContaining('--store-url'),
    })
  })
})
