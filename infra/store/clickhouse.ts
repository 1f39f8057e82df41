import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import type { Log } from '../runtime/log.ts'
import { collect } from './collect.ts'
import { encodeNative } from './native.ts'
import type { StoreOptions } from './options.ts'
import { type Sql, sql, trustedSql } from './sql.ts'
import {
  identifier,
  insertHead,
  killStatement,
  MAX_QUERY_SIZE,
  mark,
  readStatement,
  runStatement,
} from './statement.ts'
import type { NativeBlock, QueryOptions, Store } from './store.ts'
import { isNetworkError, queryCancelled, type StoreOperation, storeError } from './store-error.ts'

// A ClickHouse server over HTTP. Rights: the user that reads may be `readonly = 2` (not 1, which
// refuses the limits in the statements); the user that writes needs INSERT; `flamewatch migrate`
// needs CREATE.

// Longer than any limit of a statement: the server ends statements, this ends a dead connection.
const REQUEST_TIMEOUT_MS = 300_000
const CONNECTIONS = 16

// Tries after the first, for what is safe to send again; between them a connection the server closed
// is noticed, or a restart is over. Longer outages are the caller's.
const RETRY_DELAYS_MS = [50, 250]
const KILL_DELAYS_MS = [0, 50, 250]

export type ServerOptions = Omit<StoreOptions, 'data' | 'storeUrl'> & { readonly storeUrl: string }

export function openClickHouse(options: ServerOptions, log: Log): Store {
  return new ClickHouseStore(connect(options, options.storeDatabase), log)
}

/** Makes the database if it is missing; every other statement needs it to be there. */
export async function createDatabase(options: ServerOptions, log: Log): Promise<void> {
  const store = new ClickHouseStore(connect(options), log)
  try {
    const name = identifier(options.storeDatabase)
    await store.run(trustedSql(`CREATE DATABASE IF NOT EXISTS ${name}`))
  } finally {
    await store.close()
  }
}

function connect(options: ServerOptions, database?: string): ClickHouseClient {
  return createClient({
    url: options.storeUrl,
    username: options.storeUser,
    password: options.storePassword,
    application: 'flamewatch',
    request_timeout: REQUEST_TIMEOUT_MS,
    max_open_connections: CONNECTIONS,
    // A block of 1,000 profiles, 4.8 MB: zstd 1.3 MB in 21 ms, gzip 2.0 MB in 123 ms.
    compression: { request: { codec: 'zstd' }, response: { codec: 'zstd' } },
    // Errors are thrown, and logged by who handles them.
    log: { level: ClickHouseLogLevel.OFF },
    // The server answers when it has the whole result: no error can hide behind the rows before it.
    clickhouse_settings: { wait_end_of_query: 1, max_query_size: String(MAX_QUERY_SIZE) },
    ...(database === undefined ? {} : { database }),
  })
}

type Attempt = {
  readonly text: string
  readonly body?: readonly Uint8Array[]
  readonly signal?: AbortSignal | undefined
}

class ClickHouseStore implements Store {
  readonly kind = 'server'
  readonly #client: ClickHouseClient
  readonly #log: Log
  readonly #idPrefix = randomUUID()
  #statements = 0

  constructor(client: ClickHouseClient, log: Log) {
    this.#client = client
    this.#log = log
  }

  async rows<T>(statement: Sql, { limits = {}, signal }: QueryOptions = {}): Promise<T[]> {
    const text = readStatement(statement, 'JSONEachRow', limits)
    return JSON.parse((await this.#retried('read', { text, signal })).toString()) as T[]
  }

  binary(statement: Sql, { limits = {}, signal }: QueryOptions = {}): Promise<Buffer> {
    return this.#retried('read', { text: readStatement(statement, 'RowBinary', limits), signal })
  }

  async run(statement: Sql, { limits = {}, signal }: QueryOptions = {}): Promise<void> {
    await this.#once('run', { text: runStatement(statement, limits), signal })
  }

  async insert(table: string, block: NativeBlock, token: string | null): Promise<void> {
    if (block.rows === 0) return
    // Asynchronous inserts would mix blocks, and a token says something about one.
    const text = `${insertHead(table, block.columns, token, ['async_insert = 0'])} FORMAT Native`
    const attempt = { text, body: encodeNative(block) }
    // Without a token a second try might store the block twice.
    if (token === null) await this.#once('insert', attempt)
    else await this.#retried('insert', attempt)
  }

  async ping(): Promise<void> {
    await this.#once('read', { text: readStatement(sql`SELECT 1`, 'RowBinary', {}) })
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  async #retried(operation: StoreOperation, attempt: Attempt): Promise<Buffer> {
    for (const ms of RETRY_DELAYS_MS) {
      try {
        return await this.#once(operation, attempt)
      } catch (error) {
        if (!(error instanceof Error) || !isNetworkError(error.cause)) throw error
        this.#log.debug({ err: error, operation }, 'store connection broke, trying again')
        await delay(ms)
      }
    }
    return this.#once(operation, attempt)
  }

  async #once(operation: StoreOperation, { text, body, signal }: Attempt): Promise<Buffer> {
    if (signal?.aborted) throw queryCancelled()
    const id = `${this.#idPrefix}-${++this.#statements}`
    try {
      return await collect(this.#client, {
        query: mark(id) + text,
        ...(body === undefined ? {} : { values: Readable.from(body, { objectMode: false }) }),
        ...(signal === undefined ? {} : { abort_signal: signal }),
      })
    } catch (error) {
      if (!signal?.aborted) throw storeError(error, operation)
      void this.#kill(id)
      throw queryCancelled(error)
    }
  }

  // The server goes on with a statement whose connection was closed. It may not have begun with it,
  // so a statement that is not found is looked for again.
  async #kill(id: string): Promise<void> {
    try {
      for (const ms of KILL_DELAYS_MS) {
        await delay(ms)
        const killed = await collect(this.#client, { query: killStatement(id) })
        if (killed.length > 0) return
      }
    } catch (err) {
      this.#log.warn({ err, id }, 'kill statement')
    }
  }
}
