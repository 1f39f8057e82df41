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
import { openStore } from '../../infra/store/open.ts'
import { type StoreOptions, storeOptions } from '../../infra/store/options.ts'
import { type ClickHouseFront, startFront } from '../fixtures/clickhouse-http/front.ts'

const log = silentLog()
const names = (await readMigrations()).map(({ name }) => name)

/** What `flamewatch migrate` printed. */
async function migrate(options: StoreOptions, dryRun: boolean): Promise<string[]> {
  const printed: string[] = []
  const exitCode = await command.run({
    options: { ...options, dryRun },
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
})
