import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import type { Log } from '../runtime/log.ts'
import { type Address, Addresses } from './addresses.ts'
import { checkedCluster } from './cluster-form.ts'
import { collect } from './collect.ts'
import { connectAll, type ServerOptions } from './connect.ts'
import { encodeNative } from './native.ts'
import { type Sql, sql, trustedSql } from './sql.ts'
import {
  identifier,
  insertHead,
  killStatement,
  mark,
  READ_TIMEOUT_MS,
  readStatement,
  runStatement,
} from './statement.ts'
import type { NativeBlock, QueryOptions, Store } from './store.ts'
import {
  isAddressFault,
  isNetworkError,
  isTimeout,
  queryCancelled,
  type StoreOperation,
  storeError,
  storeTimeout,
  wasNotSent,
} from './store-error.ts'

// ClickHouse over HTTP: a server, or the addresses of a cluster. Rights: the user that reads may be
// `readonly = 2` (not 1, which refuses the limits in the statements); the user that writes needs
// INSERT and SELECT; `flamewatch migrate` needs CREATE.

// Between the tries of what is safe to send again, where there is no other address to turn to: a
// connection the server closed is noticed, or a restart is over. Longer outages are the caller's.
const RETRY_DELAYS_MS = [50, 250]
const KILL_DELAYS_MS = [0, 50, 250]

// For an answer that never comes. Statements end before by their own limits.
const GRACE_MS = 10_000
const INSERT_TIMEOUT_MS = 60_000
const RUN_TIMEOUT_MS = 300_000

// In a cluster: an insert returns when the shards have it; a subquery is asked once, of all shards.
// Of one server neither means anything.
const INSERT_SETTINGS = ['async_insert = 0', 'distributed_foreground_insert = 1']
const READ_SETTINGS = ["distributed_product_mode = 'global'"]

export async function openClickHouse(options: ServerOptions, log: Log): Promise<Store> {
  return new ClickHouseStore(await connectAll(options, options.storeDatabase), log)
}

/** Makes the database if it is missing; every other statement needs it to be there. */
export async function createDatabase(
  options: ServerOptions,
  { log, cluster }: { readonly log: Log; readonly cluster?: string | undefined },
): Promise<void> {
  const store = new ClickHouseStore(await connectAll(options), log)
  try {
    const name = identifier(options.storeDatabase)
    const everywhere = cluster === undefined ? '' : ` ON CLUSTER '${checkedCluster(cluster)}'`
    await store.run(trustedSql(`CREATE DATABASE IF NOT EXISTS ${name}${everywhere}`))
  } finally {
    await store.close()
  }
}

type Attempt = {
  readonly operation: StoreOperation
  readonly text: string
  readonly body?: readonly Uint8Array[]
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs: number
  /** A second time changes nothing. */
  readonly repeatable: boolean
}

class ClickHouseStore implements Store {
  readonly kind = 'server'
  readonly #addresses: Addresses<ClickHouseClient>
  readonly #log: Log
  readonly #idPrefix = randomUUID()
  #statements = 0

  constructor(addresses: readonly Address<ClickHouseClient>[], log: Log) {
    this.#addresses = new Addresses(addresses)
    this.#log = log
  }

  async rows<T>(statement: Sql, options: QueryOptions = {}): Promise<T[]> {
    return JSON.parse((await this.#read(statement, 'JSONEachRow', options)).toString()) as T[]
  }

  binary(statement: Sql, options: QueryOptions = {}): Promise<Buffer> {
    return this.#read(statement, 'RowBinary', options)
  }

  async run(statement: Sql, { limits = {}, signal }: QueryOptions = {}): Promise<void> {
    const text = runStatement(statement, limits)
    const timeoutMs = (limits.timeoutMs ?? RUN_TIMEOUT_MS) + GRACE_MS
    await this.#send({ operation: 'run', text, signal, timeoutMs, repeatable: false })
  }

  async insert(table: string, block: NativeBlock, token: string | null): Promise<void> {
    if (block.rows === 0) return
    // Asynchronous inserts would mix blocks, and a token says something about one.
    const text = `${insertHead(table, block.columns, token, INSERT_SETTINGS)} FORMAT Native`
    await this.#send({
      operation: 'insert',
      text,
      body: encodeNative(block),
      timeoutMs: INSERT_TIMEOUT_MS,
      // Without a token a second try might store the block twice.
      repeatable: token !== null,
    })
  }

  async ping(): Promise<void> {
    await this.#send({
      operation: 'read',
      text: readStatement(sql`SELECT 1`, 'RowBinary', {}),
      timeoutMs: GRACE_MS,
      repeatable: this.#addresses.all.length > 1,
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.#addresses.all.map(({ client }) => client.close()))
  }

  #read(
    statement: Sql,
    format: 'JSONEachRow' | 'RowBinary',
    { limits = {}, signal }: QueryOptions,
  ): Promise<Buffer> {
    return this.#send({
      operation: 'read',
      text: readStatement(statement, format, limits, READ_SETTINGS),
      signal,
      timeoutMs: (limits.timeoutMs ?? READ_TIMEOUT_MS) + GRACE_MS,
      repeatable: true,
    })
  }

  /** Sends until an address did it, as often as may be; throws what the last one said. */
  async #send(attempt: Attempt): Promise<Buffer> {
    const { operation, repeatable } = attempt
    const others = this.#addresses.all.length - 1
    for (let failures = 0; ; failures++) {
      const address = this.#addresses.pick()
      try {
        const answer = await this.#ask(address, attempt)
        this.#addresses.worked(address)
        return answer
      } catch (error) {
        if (!isAddressFault(error)) throw storeError(error, operation)
        if (this.#addresses.failed(address) && others > 0)
          this.#log.warn({ err: error, address: address.url }, 'store address does not answer')
        const again = repeatable ? others > 0 || isNetworkError(error) : wasNotSent(error)
        // Who waited for nothing at one address only asks the others, not the same again.
        const more = others + (isTimeout(error) ? 0 : RETRY_DELAYS_MS.length)
        if (!again || failures >= more) throw storeError(error, operation, this.#addresses.all)
        // Another address is asked at once.
        if (!this.#addresses.anyReady) await delay(RETRY_DELAYS_MS[Math.max(0, failures - others)])
      }
    }
  }

  async #ask(address: Address<ClickHouseClient>, attempt: Attempt): Promise<Buffer> {
    const { text, body, signal, timeoutMs } = attempt
    if (signal?.aborted) throw queryCancelled()
    const id = `${this.#idPrefix}-${++this.#statements}`
    const deadline = AbortSignal.timeout(timeoutMs)
    try {
      return await collect(address.client, {
        query: mark(id) + text,
        ...(body === undefined ? {} : { values: Readable.from(body, { objectMode: false }) }),
        abort_signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      })
    } catch (error) {
      if (!signal?.aborted && !deadline.aborted) throw error
      void this.#kill(address, id)
      throw signal?.aborted ? queryCancelled(error) : storeTimeout(timeoutMs, error)
    }
  }

  // The server goes on with a statement whose connection was closed. It may not have begun with it,
  // so a statement that is not found is looked for again.
  async #kill({ client }: Address<ClickHouseClient>, id: string): Promise<void> {
    try {
      for (const ms of KILL_DELAYS_MS) {
        await delay(ms)
        const killed = await collect(client, { query: killStatement(id) })
        if (killed.length > 0) return
      }
    } catch (err) {
      this.#log.warn({ err, id }, 'kill statement')
    }
  }
}
