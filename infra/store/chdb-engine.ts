import { constants } from 'node:fs'
import { access, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { drainPending, Session } from 'chdb'
import { errorMessage, FlamewatchError } from '../runtime/errors.ts'
import { storeError } from './store-error.ts'

/** The engine, started on a directory of its own. */
export type ChdbEngine = {
  /** What connections open. */
  readonly path: string
  /** For blocks on their way in; empty at start. */
  readonly incoming: string
  /** Memory one statement may use. */
  readonly statementBytes: number
  /** After every connection is closed. */
  stop(): Promise<void>
}

// The engine is one per process, whatever asks for it.
let occupied: string | undefined

/** Starts the engine on `directory`, which is made if need be; throws `store_locked`. */
export async function startEngine(directory: string): Promise<ChdbEngine> {
  const root = resolve(directory)
  if (occupied !== undefined)
    throw new FlamewatchError('store_locked', `This process has the store in ${occupied} open.`, {
      hint: 'Close it first: one data directory a process.',
    })
  occupied = root
  try {
    const incoming = join(root, 'incoming')
    await prepareDirectory(root, incoming)
    const path = join(root, 'store')
    const memory = memoryBudget()
    const session = await openSession(path, memory.engineBytes)
    // What a killed process left half written. The directory is locked by now: nobody else writes.
    for (const name of await readdir(incoming)) await rm(join(incoming, name))
    const stop = async () => {
      session.close()
      await drainPending()
      occupied = undefined
    }
    return { path, incoming, statementBytes: memory.statementBytes, stop }
  } catch (error) {
    occupied = undefined
    throw error
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
    throw (await findLock(path, error)) ?? storeError(error, 'run')
  }
}

// The engine names the cause on stderr only. It locks the file `status`, which begins `PID: 123`.
async function findLock(path: string, cause: unknown): Promise<FlamewatchError | null> {
  const file = join(path, 'status')
  try {
    const { ino } = await stat(file)
    // 1: FLOCK  ADVISORY  WRITE 12506 fe:00:10027906 0 EOF
    const locks = await readFile('/proc/locks', 'utf8')
    if (!locks.split('\n').some((line) => line.includes(`:${ino} `))) return null
    const holder = /^PID: (\d+)/.exec(await readFile(file, 'utf8'))?.[1] ?? 'unknown'
    return new FlamewatchError('store_locked', `${path} is in use by process ${holder}.`, {
      hint: 'Stop that process, or give another directory with --data: one process a directory.',
      cause,
    })
  } catch {
    // Nothing to be seen there: the engine's own error stands.
    return null
  }
}

const GIB = 2 ** 30

// Half of the machine is the engine's, since it shares the machine with what it profiles; on a small
// one more, because what it counts is the whole process, some 0.4 GiB before the first row. A
// statement gets half of that, so that one large query cannot stop the inserts.
function memoryBudget(): { engineBytes: number; statementBytes: number } {
  const constrained = process.constrainedMemory()
  const machine = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
  const engineBytes = Math.floor(Math.min(0.8 * machine, Math.max(0.5 * machine, 1.5 * GIB)))
  return { engineBytes, statementBytes: Math.floor(engineBytes / 2) }
}
