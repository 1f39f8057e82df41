import { randomBytes, randomUUID } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  createClient,
} from '@clickhouse/client'
import { createChdbConnection } from 'chdb/connection'
import type { Log } from '../runtime/log.ts'
import { type ChdbEngine, startEngine } from './chdb-engine.ts'
import { collect } from './collect.ts'
import { Lane } from './lane.ts'
import { encodeNative, nativeStructure } from './native.ts'
import type { Sql } from './sql.ts'
import { sql, sqlText } from './sql.ts'
import {
  insertHead,
  killStatement,
  MAX_QUERY_SIZE,
  mark,
  readStatement,
  runStatement,
} from './statement.ts'
import type { NativeBlock, QueryOptions, Store } from './store.ts'
import { queryCancelled, type StoreOperation, storeClosed, storeError } from './store-error.ts'

// ClickHouse's engine inside this process, through the same client as a server. What it does
// differently from a server is closed in here and in chdb-engine.ts, and nowhere else:
//
// - A setting given through the client stays for the statements after it, and its text is not
//   escaped: settings stand in the statement (statement.ts), `clickhouse_settings` is never used.
// - A connection runs one statement at a time: lanes of several connections on the one path.
// - Bodies of inserts are taken as text: blocks go through a file of Native columns.
// - Aborting only gives up the wait: the statement is found by its mark and killed.
// - What a statement had written before it broke off comes out in front of the next answer of that
//   connection: after an error a connection is rinsed before anybody gets it.
// - There are no limits by default: each connection gets them when it opens.
// - Statements run on libuv's thread pool: it must be as large as the number of connections.

// Reads are many at once, so that a slow one holds up nobody; inserts are two, so that a dictionary
// can go in beside a block; more of either only wait for the CPU.
const CONNECTIONS = { read: 4, insert: 2, run: 1, control: 1 } as const
const THREADS = Object.values(CONNECTIONS).reduce<number>((sum, count) => sum + count, 0)

type Lanes = Readonly<Record<keyof typeof CONNECTIONS, Lane<ClickHouseClient>>>

/** Opens the store in `directory`, which is made if need be; throws `store_locked` when it is in use. */
export async function openChdb(directory: string, log: Log): Promise<Store> {
  checkThreads(log)
  const engine = await startEngine(directory)
  try {
    const lane = async (count: number) => {
      const clients = Array.from({ length: count }, () => connect(engine.path))
      for (const client of clients) await limitConnection(client, engine.statementBytes)
      return new Lane(clients)
    }
    const lanes = {
      read: await lane(CONNECTIONS.read),
      insert: await lane(CONNECTIONS.insert),
      run: await lane(CONNECTIONS.run),
      control: await lane(CONNECTIONS.control),
    }
    return new ChdbStore(engine, lanes, log)
  } catch (error) {
    await engine.stop()
    throw storeError(error, 'run')
  }
}

class ChdbStore implements Store {
  readonly kind = 'embedded'
  readonly #engine: ChdbEngine
  readonly #lanes: Lanes
  readonly #log: Log
  readonly #running = new Set<Promise<unknown>>()
  /** Ids of running statements that may be killed: all but inserts. */
  readonly #killable = new Set<string>()
  readonly #idPrefix = randomUUID()
  #statements = 0
  #closing: Promise<void> | undefined

  constructor(engine: ChdbEngine, lanes: Lanes, log: Log) {
    this.#engine = engine
    this.#lanes = lanes
    this.#log = log
  }

  async rows<T>(statement: Sql, { limits = {}, signal }: QueryOptions = {}): Promise<T[]> {
    const text = readStatement(statement, 'JSONEachRow', limits)
    return JSON.parse((await this.#statement('read', text, signal)).toString()) as T[]
  }

  binary(statement: Sql, { limits = {}, signal }: QueryOptions = {}): Promise<Buffer> {
    return this.#statement('read', readStatement(statement, 'RowBinary', limits), signal)
  }

  async run(statement: Sql, { limits = {}, signal }: QueryOptions = {}): Promise<void> {
    await this.#statement('run', runStatement(statement, limits), signal)
  }

  async insert(table: string, block: NativeBlock, token: string | null): Promise<void> {
    if (block.rows === 0) return
    const head = insertHead(table, block.columns, token, [
      // An error rather than a second copy, should the engine find the statement unfit for tokens.
      "deduplicate_insert_select = 'force_enable'",
    ])
    const names = block.columns.map((column) => column.name).join(', ')
    // Nobody else who may write to the directory can foresee the name.
    const file = join(this.#engine.incoming, `${randomBytes(16).toString('hex')}.native`)
    const source = sql`file(${file}, 'Native', ${nativeStructure(block.columns)})`
    try {
      await writeBlock(file, block)
      await this.#statement('insert', `${head} SELECT ${names} FROM ${sqlText(source)}`)
    } catch (error) {
      throw storeError(error, 'insert')
    } finally {
      await rm(file, { force: true })
    }
  }

  /** Beside the reads, so that a busy store is not taken for a dead one. */
  async ping(): Promise<void> {
    const lane = this.#lanes.control
    const client = await lane.acquire()
    try {
      await collect(client, { query: 'SELECT 1 FORMAT Null' })
    } catch (error) {
      throw storeError(error, 'read')
    } finally {
      lane.release(client)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { control, ...others } = this.#lanes
    for (const lane of Object.values(others)) lane.close()
    for (const id of this.#killable) void this.#kill(id)
    // An engine stopped under a statement takes the process with it.
    await Promise.allSettled(this.#running)
    control.close()
    for (const lane of Object.values(this.#lanes))
      for (const client of lane.members) await client.close()
    await this.#engine.stop()
  }

  async #statement(operation: StoreOperation, text: string, signal?: AbortSignal): Promise<Buffer> {
    const lane = this.#lanes[operation]
    const client = await lane.acquire(signal)
    if (this.#closing) throw storeClosed()
    const id = `${this.#idPrefix}-${++this.#statements}`
    if (operation !== 'insert') this.#killable.add(id)
    const running = collect(client, { query: mark(id) + text }).finally(() => {
      this.#killable.delete(id)
    })
    const free = running
      .catch(() => this.#rinse(client))
      .finally(() => {
        lane.release(client)
        this.#running.delete(free)
      })
    this.#running.add(free)
    try {
      return signal ? await this.#untilAborted(id, running, signal) : await running
    } catch (error) {
      throw storeError(error, operation)
    }
  }

  async #rinse(client: ClickHouseClient): Promise<void> {
    while (!this.#closing) {
      try {
        await collect(client, { query: 'SELECT 1 FORMAT Null' })
        return
      } catch (err) {
        // Out of memory, for one. Until it works the connection is fit for nobody.
        this.#log.warn({ err }, 'rinse store connection')
        await delay(100)
      }
    }
  }

  /** The caller of an aborted statement goes on at once; its connection is free when it has ended. */
  #untilAborted(id: string, running: Promise<Buffer>, signal: AbortSignal): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        reject(queryCancelled())
        void this.#kill(id)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      void running.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
      if (signal.aborted) onAbort()
    })
  }

  // Repeated, because a statement shows in system.processes a little after it was sent.
  async #kill(id: string): Promise<void> {
    const lane = this.#lanes.control
    try {
      while (this.#killable.has(id)) {
        const client = await lane.acquire()
        await collect(client, { query: killStatement(id) }).finally(() => lane.release(client))
        await delay(50)
      }
    } catch (err) {
      this.#log.warn({ err, id }, 'kill statement')
    }
  }
}

type ClientConnection = NonNullable<ClickHouseClientConfigOptions['connection']>

function connect(path: string): ClickHouseClient {
  // The two packages carry each their copy of the interface, alike but for a private member.
  const connection = createChdbConnection({ path }) as unknown as ClientConnection
  return createClient({ connection })
}

/** For statements that do not say their own. Beyond half of the memory they go on on disk. */
async function limitConnection(client: ClickHouseClient, bytes: number): Promise<void> {
  const half = Math.floor(bytes / 2)
  const settings = [
    `max_memory_usage = ${bytes}`,
    `max_bytes_before_external_group_by = ${half}`,
    `max_bytes_before_external_sort = ${half}`,
    `max_query_size = ${MAX_QUERY_SIZE}`,
  ]
  await collect(client, { query: `SET ${settings.join(', ')}` })
}

async function writeBlock(path: string, block: NativeBlock): Promise<void> {
  const pieces = encodeNative(block)
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0)
  // `x`: never through a link somebody put there.
  const file = await open(path, 'wx', 0o600)
  try {
    const { bytesWritten } = await file.writev(pieces)
    if (bytesWritten !== size) throw new Error(`wrote ${bytesWritten} of ${size} bytes to ${path}`)
  } finally {
    await file.close()
  }
}

function checkThreads(log: Log): void {
  const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4)
  if (threads < THREADS)
    log.warn(
      { threads, needed: THREADS },
      'UV_THREADPOOL_SIZE is small: statements wait for threads',
    )
}
