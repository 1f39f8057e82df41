import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../infra/runtime/log.ts'
import { defaultOptions } from '../../infra/runtime/options.ts'
import { applyMigrations } from '../../infra/store/migrate.ts'
import { createDatabase, openUnmigrated } from '../../infra/store/open.ts'
import { type StoreOptions, storeOptions } from '../../infra/store/options.ts'
import { sql } from '../../infra/store/sql.ts'
import type { Store } from '../../infra/store/store.ts'
import { type Certificates, createCertificates, readCertificate } from '../fixtures/certificates.ts'
import { type ClickHouseFront, startFront } from '../fixtures/clickhouse-http/front.ts'
import { ingestBlock } from '../fixtures/ingest-block.ts'

// A store at several addresses, and behind TLS: two fronts before one engine, as two replicas are
// before one table.

const user = 'flamewatch'
const password = 'secret'
const log = silentLog()

let directory: string
let certificates: Certificates
let first: ClickHouseFront
let second: ClickHouseFront
let secure: ClickHouseFront
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flamewatch-addresses-'))
  certificates = createCertificates(directory)
  const options = { directory: join(directory, 'store'), user, password }
  first = await startFront(options)
  second = await startFront(options)
  const tls = { ...readCertificate(certificates.server), ca: readFileSync(certificates.ca) }
  secure = await startFront({
    ...options,
    tls: { ...tls, requestCert: true, rejectUnauthorized: false },
  })
  await createDatabase(optionsFor([first]), { log })
  const store = await openUnmigrated(optionsFor([first]), { log })
  await applyMigrations(store)
  await store.close()
})
afterAll(async () => {
  for (const front of [first, second, secure]) await front.close()
  rmSync(directory, { recursive: true })
})

const optionsFor = (fronts: readonly { readonly url: string }[]): StoreOptions => ({
  ...defaultOptions(storeOptions),
  storeUrl: fronts.map(({ url }) => url),
  storeUser: user,
  storePassword: password,
  storeDatabase: 'addresses',
})

describe('a store at two addresses', () => {
  let store: Store
  const askedOf = (front: ClickHouseFront) => front.requests.length
  const one = sql`SELECT 1 AS one`
  beforeEach(async () => {
    first.breakNext(0, 'before')
    store = await openUnmigrated(optionsFor([first, second]), { log })
    return () => store.close()
  })

  it('asks the first while it answers', async () => {
    const before = askedOf(second)
    for (let i = 0; i < 5; i++) await store.rows(one)
    expect(askedOf(second)).toBe(before)
  })

  it('goes to the other when one fails under a read, and stays there', async () => {
    first.breakNext(1, 'before')
    expect(await store.rows(one)).toEqual([{ one: 1 }])
    const before = askedOf(first)
    for (let i = 0; i < 5; i++) await store.rows(one)
    expect(askedOf(first)).toBe(before)
  })

  it('stores once what the first had stored before its answer was lost', async () => {
    const shape = { profiles: 3, stacks: 2, time: Math.floor(Date.now() / 1000), service: 'moved' }
    first.breakNext(1, 'after')
    const before = askedOf(second)
    await store.insert('ingest', ingestBlock(shape), 'moved/1/1')
    expect(askedOf(second)).toBe(before + 1)
    expect(
      await store.rows(sql`SELECT count() AS n FROM profiles WHERE service = 'moved'`),
    ).toEqual([{ n: '3' }])
  })

  it('leaves what may not be repeated to the caller', async () => {
    const shape = { profiles: 1, stacks: 1, time: Math.floor(Date.now() / 1000), service: 'bare' }
    first.breakNext(1, 'after')
    await expect(store.insert('ingest', ingestBlock(shape), null)).rejects.toMatchObject({
      code: 'store_unavailable',
      retriable: true,
    })
  })
})

describe('an address', () => {
  it('where nobody listens is passed over, even for what may not be repeated', async () => {
    const dead = await listenAndClose()
    const store = await openUnmigrated(optionsFor([dead, second]), { log })
    await store.run(sql`CREATE TABLE once (n UInt8) ENGINE = MergeTree ORDER BY n`)
    await store.run(sql`DROP TABLE once`)
    await store.close()
  })
})

describe('a store behind TLS', () => {
  const ping = async (options: Partial<StoreOptions>) => {
    const store = await openUnmigrated({ ...optionsFor([secure]), ...options }, { log })
    try {
      return await store.rows(sql`SELECT 1 AS one`)
    } finally {
      await store.close()
    }
  }

  it('is trusted by the certificate of its authority', async () => {
    expect(await ping({ storeCa: certificates.ca })).toEqual([{ one: 1 }])
  })

  it('is not trusted without, and says what is missing', async () => {
    await expect(ping({})).rejects.toMatchObject({
      code: 'store_error',
      retriable: false,
      hint: expect.stringContaining('--store-ca'),
    })
  })

  it('knows the user by a certificate instead of a password', async () => {
    const { cert: storeCert, key: storeKey } = certificates.client
    const options = { storeCa: certificates.ca, storeCert, storeKey }
    expect(await ping({ ...options, storePassword: '' })).toEqual([{ one: 1 }])
    // And takes both where a proxy wants the one and the store the other.
    expect(await ping(options)).toEqual([{ one: 1 }])
    await expect(ping({ storeCa: certificates.ca, storePassword: '' })).rejects.toMatchObject({
      hint: expect.stringContaining('--store-password'),
    })
  })

  it('spoken to by HTTP, or over TLS where there is none, says to look at the address', async () => {
    const plain = [first.url.replace('http:', 'https:')]
    await expect(ping({ storeUrl: plain })).rejects.toMatchObject({
      hint: expect.stringContaining('--store-url'),
    })
  })
})

describe('a password', () => {
  const open = (options: Partial<StoreOptions>) =>
    openUnmigrated({ ...optionsFor([first]), ...options }, { log })

  it('is read from a file, whatever editor wrote it', async () => {
    const storePasswordFile = join(directory, 'password')
    writeFileSync(storePasswordFile, `${password}\n`)
    const store = await open({ storePassword: '', storePasswordFile })
    await store.ping()
    await store.close()
  })

  it.each([
    [{ storePasswordFile: '/nowhere/password', storePassword: '' }, '--store-password-file'],
    [{ storePasswordFile: '/etc/hostname' }, 'twice'],
    [{ storeCert: '/etc/hostname' }, 'go together'],
    [{ storeCa: '/nowhere/ca.pem' }, '--store-ca'],
  ])('or certificate that cannot be had is named: %j', async (options, words) => {
    await expect(open(options)).rejects.toMatchObject({
      code: 'option_invalid',
      message: expect.stringContaining(words),
    })
  })
})

function listenAndClose(): Promise<{ url: string }> {
  return new Promise((resolve) => {
    const server: Server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address ? address.port : 0
      server.close(() => resolve({ url: `http://127.0.0.1:${port}` }))
    })
  })
}
