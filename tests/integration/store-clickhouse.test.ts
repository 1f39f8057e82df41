import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../infra/runtime/log.ts'
import { defaultOptions } from '../../infra/runtime/options.ts'
import { applyMigrations } from '../../infra/store/migrate.ts'
import { createDatabase, openStore, openUnmigrated } from '../../infra/store/open.ts'
import { type StoreOptions, storeOptions } from '../../infra/store/options.ts'
import { sql, trustedSql } from '../../infra/store/sql.ts'
import type { Store } from '../../infra/store/store.ts'
import { type ClickHouseFront, startFront } from '../fixtures/clickhouse-http/front.ts'
import { ingestBlock } from '../fixtures/ingest-block.ts'
import { describeStore } from '../store.case.ts'

const deps = { log: silentLog() }
const user = 'flamewatch'
const password = 'p"w:ä'

let directory: string
let front: ClickHouseFront
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'flamewatch-front-'))
  front = await startFront({ directory, user, password })
})
afterAll(async () => {
  await front.close()
  await rm(directory, { recursive: true })
})

const frontOptions = (storeDatabase: string): StoreOptions => ({
  ...defaultOptions(storeOptions),
  storeUrl: [front.url],
  storeUser: user,
  storePassword: password,
  storeDatabase,
})

const openDatabase = async (options: StoreOptions) => {
  await createDatabase(options, deps)
  const store = await openUnmigrated(options, deps)
  return { store, close: () => store.close() }
}

describeStore('a store over HTTP, in front of the embedded engine', () =>
  openDatabase(frontOptions('behaviour')),
)

const realUrl = process.env['FLAMEWATCH_TEST_CLICKHOUSE_URL']
if (realUrl) {
  describeStore(`a ClickHouse server at ${realUrl}`, async () => {
    const { username, password, origin } = new URL(realUrl)
    const options = {
      ...defaultOptions(storeOptions),
      storeUrl: [origin],
      storeUser: decodeURIComponent(username) || 'default',
      storePassword: decodeURIComponent(password),
      storeDatabase: `flamewatch_test_${randomUUID().replaceAll('-', '')}`,
    }
    const { store } = await openDatabase(options)
    return {
      store,
      close: async () => {
        await store.run(trustedSql(`DROP DATABASE ${options.storeDatabase}`))
        await store.close()
      },
    }
  })
} else {
  it.skip('a real ClickHouse server: needs FLAMEWATCH_TEST_CLICKHOUSE_URL=http://USER:PASSWORD@HOST:8123', () => {})
}

describe('a server', () => {
  it('without a schema is refused with the command that makes one', async () => {
    await expect(openStore(frontOptions('empty'), deps)).rejects.toMatchObject({
      code: 'migration',
      message: expect.stringContaining('0001_init'),
      hint: expect.stringContaining('flamewatch migrate'),
    })
  })

  it('that refuses the user says which options to check', async () => {
    const options = { ...frontOptions('behaviour'), storePassword: 'wrong' }
    await expect(openStore(options, deps)).rejects.toMatchObject({
      code: 'store_error',
      retriable: false,
      hint: expect.stringContaining('--store-password'),
    })
  })

  it('that is not there is worth another try', async () => {
    const options = {
      ...frontOptions('behaviour'),
      storeUrl: [await deadUrl(), await deadUrl()],
    }
    await expect(openStore(options, deps)).rejects.toMatchObject({
      code: 'store_unavailable',
      retriable: true,
      message: expect.stringContaining(options.storeUrl.join(', ')),
      hint: expect.stringContaining('--store-url'),
    })
  })
})

describe('a connection that breaks', () => {
  let store: Store
  beforeAll(async () => {
    ;({ store } = await openDatabase(frontOptions('broken')))
    await applyMigrations(store)
  })
  afterAll(() => store.close())
  afterEach(() => front.breakNext(0, 'before'))

  const shape = { profiles: 3, stacks: 2, time: Math.floor(Date.now() / 1000) }
  const profiles = async (service: string) => {
    const [row] = await store.rows<{ n: string }>(
      sql`SELECT count() AS n FROM profiles WHERE service = ${service}`,
    )
    return Number(row?.n)
  }

  it('under a read is tried again', async () => {
    front.breakNext(2, 'before')
    expect(await store.rows(sql`SELECT 1 AS one`)).toEqual([{ one: 1 }])
  })

  it.each(['before', 'after'] as const)(
    'under an insert with a token, %s it was stored, leaves the rows once',
    async (when) => {
      front.breakNext(2, when)
      await store.insert('ingest', ingestBlock({ ...shape, service: when }), `${randomUUID()}/1/1`)
      expect(await profiles(when)).toBe(3)
    },
  )

  it('under an insert without a token is left to the caller', async () => {
    front.breakNext(1, 'after')
    const insert = store.insert('ingest', ingestBlock({ ...shape, service: 'bare' }), null)
    await expect(insert).rejects.toMatchObject({ code: 'store_unavailable', retriable: true })
    expect(await profiles('bare')).toBe(3)
  })

  it('for longer is an error worth another try', async () => {
    front.breakNext(3, 'before')
    await expect(store.ping()).rejects.toMatchObject({ code: 'store_unavailable', retriable: true })
  })
})

it('inserts with a token are never asynchronous', async () => {
  const { store, close } = await openDatabase(frontOptions('synchronous'))
  await applyMigrations(store)
  const before = front.requests.length
  const block = ingestBlock({ service: 's', profiles: 1, stacks: 1, time: 1_000_000_000 })
  await store.insert('ingest', block, 'a/1/1')
  expect(front.requests.slice(before)).toEqual([
    expect.stringMatching(/INSERT INTO ingest .*async_insert = 0.* FORMAT Native$/),
  ])
  await close()
})

/** An address where nobody listens. */
function deadUrl(): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address ? address.port : 0
      server.close(() => resolve(`http://127.0.0.1:${port}`))
    })
  })
}
