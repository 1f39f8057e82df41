import { randomBytes, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { access, mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  createClient,
} from '@clickhouse/client'
import { drainPending, Session } from 'chdb'
import { createChdbConnection } from 'chdb/connection'
import { errorMessage, FlamewatchError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { Lane } from './lane.ts'
import { encodeNative, nativeStructure } from './native.ts'
import type { Sql } from './sql.ts'
import { sql, sqlText } from './sql.ts'
import { insertHead, killStatement, mark, readStatement, runStatement } from './statement.ts'
import type { NativeBlock, QueryLimits, QueryOptions, Store } from './store.ts'
import { queryCancelled, type StoreOperation, storeError } from './store-error.ts'

// ClickHouse's engine inside this process, through the same client as a server. What it does
// differently from a server is closed in here and nowhere else:
//
// - A setting given through the client stays for the statements after it, and its text is not
//   escaped: settings stand in the statement (statement.ts), `clickhouse_settings` is never used.
// - A connection runs one statement at a time: lanes of several connections on the one path.
// - Bodies of inserts are taken as text: blocks go through a file of Native columns.
// - Aborting only gives up the wait: the statement is found by its mark and killed.
// - There are no limits by default: each connection gets them when it opens.
// - One process a directory, one directory a process.
// - Statements run on libuv's thread pool: it must be larger than the number of connections.

const CONNECTIONS = { read: 4, insert: 2, run: 1, kill: 1 } as const
const THREADS = CONNECTIONS.read + CONNECTIONS.insert + CONNECTIONS.run + CONNECTIONS.kill

const READ_TIMEOUT_MS = 60_000
const MAX_RESULT_BYTES = 1 << 30

/** Directories under the data directory. */
const ENGINE = 'store'
const INCOMING = 'incoming'

/** Opens the store in `directory`, which is made if need be; throws `store_locked` when it is in use. */
export async function openChdb(directory: string, log: Log): Promise<Store> {
  const root = resolve(directory)
  const incoming = join(root, INCOMING)
  const path = join(root, ENGINE)
  await prepareDirectory(root, incoming)
  checkThreads(log)
  const memory = memoryBudget()
  const session = await openSession(path, memory.engineBytes)
  try {
    const connect = () => createClient({ connection: createConnection(path) })
    const lanes = {
      read: new Lane(times(CONNECTIONS.read, connect)),
      insert: new Lane(times(CONNECTIONS.insert, connect)),
      run: new Lane(times(CONNECTIONS.run, connect)),
      kill: new Lane(times(CONNECTIONS.kill, connect)),
    }
    const store = new ChdbStore({ session, lanes, incoming, log, limits: memory.limits })
    await store.limitConnections()
    // What a killed process left half written; only its owner, this process, gets here.
    for (const name of await readdir(incoming)) await rm(join(incoming, name))
    return store
  } catch (error) {
    session.close()
    throw storeError(error, 'run')
  }
}

type Connections = Lane<ClickHouseClient>

type ChdbParts = {
  readonly session: Session
  readonly lanes: Readonly<Record<keyof typeof CONNECTIONS, Connections>>
  readonly incoming: string
  readonly log: Log
  readonly limits: Required<Pick<QueryLimits, 'memoryBytes'>>
}

class ChdbStore implements Store {
  readonly kind = 'embedded'
  readonly #parts: ChdbParts
  readonly #running = new Set<Promise<unknown>>()
  /** Ids of reads that run, to be killed when the store closes. */
  readonly #reads = new Set<string>()
  readonly #idPrefix = randomUUID()
  #statements = 0
  #closing: Promise<void> | undefined

  constructor(parts: ChdbParts) {
    this.#parts = parts
  }

  /** For statements that do not say their own. */
  async limitConnections(): Promise<void> {
    const { lanes, limits } = this.#parts
    const half = Math.floor(limits.memoryBytes / 2)
    const settings =
      `SET max_memory_usage = ${limits.memoryBytes}, max_bytes_before_external_group_by = ${half}, ` +
      `max_bytes_before_external_sort = ${half}, max_result_bytes = ${MAX_RESULT_BYTES}`
    for (const [name, lane] of Object.entries(lanes)) {
      const timeout = name === 'read' ? `, max_execution_time = ${READ_TIMEOUT_MS / 1000}` : ''
      for (const client of lane.members) await collect(client, settings + timeout)
    }
  }

  async rows<T>(statement: Sql, options: QueryOptions = {}): Promise<T[]> {
    const text = readStatement(statement, 'JSONEachRow', options.limits ?? {})
    return JSON.parse((await this.#read(text, options)).toString()) as T[]
  }

  binary(statement: Sql, options: QueryOptions = {}): Promise<Buffer> {
    return this.#read(readStatement(statement, 'RowBinary', options.limits ?? {}), options)
  }

  async run(statement: Sql, options: QueryOptions = {}): Promise<void> {
    const text = runStatement(statement, options.limits ?? {})
    await this.#statement('run', 'run', text, options.signal)
  }

  async insert(table: string, block: NativeBlock, token: string | null): Promise<void> {
    if (block.rows === 0) return
    // Not random for its own sake: nobody else who may write to the directory can foresee the name.
    const file = join(this.#parts.incoming, `${randomBytes(16).toString('hex')}.native`)
    const head = insertHead(table, block.columns, token, [
      // Says so instead of storing twice, should the engine find the statement unfit for tokens.
      `deduplicate_insert_select = ${token === null ? "'disable'" : "'force_enable'"}`,
    ])
    const names = block.columns.map((column) => column.name).join(', ')
    const from = sqlText(sql`file(${file}, 'Native', ${nativeStructure(block.columns)})`)
    try {
      await writeBlock(file, block)
      await this.#statement('insert', 'insert', `${head} SELECT ${names} FROM ${from}`)
    } catch (error) {
      throw storeError(error, 'insert')
    } finally {
      await rm(file, { force: true })
    }
  }

  async ping(): Promise<void> {
    await this.#read('SELECT 1 FORMAT RowBinary', {})
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { lanes, session } = this.#parts
    const { kill, ...others } = lanes
    for (const lane of Object.values(others)) lane.close()
    for (const id of this.#reads) void this.#kill(id)
    // An engine closed under a statement takes the process with it.
    await Promise.allSettled(this.#running)
    kill.close()
    const clients = Object.values(lanes).flatMap((lane) => lane.members)
    await Promise.all(clients.map((client) => client.close()))
    session.close()
    await drainPending()
  }

  async #read(text: string, options: QueryOptions): Promise<Buffer> {
    return this.#statement('read', 'read', text, options.signal)
  }

  async #statement(
    operation: StoreOperation,
    laneName: 'read' | 'insert' | 'run',
    text: string,
    signal?: AbortSignal,
  ): Promise<Buffer> {
    const lane = this.#parts.lanes[laneName]
    const client = await lane.acquire(signal)
    const id = `${this.#idPrefix}-${++this.#statements}`
    const running = collect(client, mark(id) + text).finally(() => {
      lane.release(client)
      this.#running.delete(running)
      this.#reads.delete(id)
    })
    this.#running.add(running)
    if (operation === 'read') this.#reads.add(id)
    try {
      return signal ? await this.#untilAborted(id, running, signal) : await running
    } catch (error) {
      throw storeError(error, operation)
    }
  }

  /** The caller of an aborted statement goes on at once; its connection is free when it has ended. */
  #untilAborted(id: string, running: Promise<Buffer>, signal: AbortSignal): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        reject(queryCancelled())
        void this.#kill(id)
      }
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
      running.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
    })
  }

  // Repeated, because a statement shows in system.processes a little after it was sent.
  async #kill(id: string): Promise<void> {
    const lane = this.#parts.lanes.kill
    try {
      while (this.#reads.has(id)) {
        const client = await lane.acquire()
        await collect(client, killStatement(id)).finally(() => lane.release(client))
        await delay(50)
      }
    } catch (err) {
      this.#parts.log.warn({ err, id }, 'kill statement')
    }
  }
}

// The two packages carry each their copy of the interface, alike but for a private member.
function createConnection(path: string): ClientConnection {
  return createChdbConnection({ path }) as unknown as ClientConnection
}

type ClientConnection = NonNullable<ClickHouseClientConfigOptions['connection']>

// Client and engine hand over the whole result as one piece.
async function collect(client: ClickHouseClient, query: string): Promise<Buffer> {
  const { stream } = await client.exec({ query })
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece as Buffer)
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)
}

async function writeBlock(path: string, block: NativeBlock): Promise<void> {
  // `x`: never through a link somebody put there.
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writev(encodeNative(block))
  } finally {
    await file.close()
  }
}

async function prepareDirectory(root: string, incoming: string): Promise<void> {
  try {
    await mkdir(incoming, { recursive: true, mode: 0o700 })
    await access(root, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new FlamewatchError('store_error', `The data directory: ${errorMessage(error)}`, {
      hint: 'Give another one with --data, or make this one writable.',
      cause: error,
    })
  }
}

/**
 * The first connection to a directory starts the engine, and only then it takes arguments. It is
 * kept open, unused, so that the engine lives until the store closes.
 */
async function openSession(path: string, engineBytes: number): Promise<Session> {
  const cacheBytes = Math.floor(engineBytes / 8)
  const caches = ['mark_cache_size', 'primary_index_cache_size', 'index_mark_cache_size']
  try {
    return new Session(path, {
      connectionArgs: [
        '--',
        `--max_server_memory_usage=${engineBytes}`,
        ...caches.map((name) => `--${name}=${cacheBytes}`),
      ],
    })
  } catch (error) {
    throw (await lockedError(path, error)) ?? storeError(error, 'run')
  }
}

// The engine names the cause on stderr only. It locks the file `status`, which begins `PID: 123`.
async function lockedError(path: string, cause: unknown): Promise<FlamewatchError | null> {
  try {
    const file = join(path, 'status')
    const { ino } = await stat(file)
    // 1: FLOCK  ADVISORY  WRITE 12506 fe:00:10027906 0 EOF
    const locks = await readFile('/proc/locks', 'utf8')
    if (!locks.split('\n').some((line) => line.includes(`:${ino} `))) return null
    const holder = /^PID: (\d+)/.exec(await readFile(file, 'utf8'))?.[1] ?? 'unknown'
    return new FlamewatchError(
      'store_locked',
      `The data directory ${path} is in use by process ${holder}.`,
      {
        hint: 'Stop that process, or give another directory with --data: one process a directory.',
        cause,
      },
    )
  } catch {
    return null
  }
}

// Half of the machine is the engine's: it shares the machine with what it profiles. A statement gets
// half of that, so that one large query cannot stop the inserts.
function memoryBudget(): { engineBytes: number; limits: { memoryBytes: number } } {
  const constrained = process.constrainedMemory()
  const machine = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
  const engineBytes = Math.floor(machine / 2)
  return { engineBytes, limits: { memoryBytes: Math.floor(engineBytes / 2) } }
}

function checkThreads(log: Log): void {
  const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4)
  if (threads < THREADS)
    log.warn(
      { threads, needed: THREADS },
      'UV_THREADPOOL_SIZE is small: statements wait for threads',
    )
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make)
}
