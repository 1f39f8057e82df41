import { type ErrorOptions, errorMessage, FlamewatchError } from '../runtime/errors.ts'

// Errors of the engine and of the way to it, by the engine's numbers
// (ClickHouse src/Common/ErrorCodes.cpp), never by their text.

const CANCELLED = 394

// The statement wanted more than it may have.
const LIMITS: ReadonlySet<number> = new Set([
  158, // TOO_MANY_ROWS
  159, // TIMEOUT_EXCEEDED
  160, // TOO_SLOW
  191, // SET_SIZE_LIMIT_EXCEEDED
  241, // MEMORY_LIMIT_EXCEEDED
  290, // LIMIT_EXCEEDED
  307, // TOO_MANY_BYTES
  396, // TOO_MANY_ROWS_OR_BYTES
])

// The store is well, only not now.
const PASSING: ReadonlySet<number> = new Set([
  3, // UNEXPECTED_END_OF_FILE: the body of an insert broke off
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  203, // NO_FREE_CONNECTION
  209, // SOCKET_TIMEOUT
  210, // NETWORK_ERROR
  225, // NO_ZOOKEEPER
  236, // ABORTED: the engine is stopping
  242, // TABLE_IS_READ_ONLY: a replica without its keeper
  243, // NOT_ENOUGH_SPACE
  252, // TOO_MANY_PARTS
  285, // TOO_FEW_LIVE_REPLICAS
  286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  319, // UNKNOWN_STATUS_OF_INSERT
  999, // KEEPER_EXCEPTION
])

const HINTS: Readonly<Record<number, string>> = {
  60: 'The schema may be older than this release: run `flamewatch migrate`.', // UNKNOWN_TABLE
  47: 'The schema may be older than this release: run `flamewatch migrate`.', // UNKNOWN_IDENTIFIER
  164: 'The user of the store may not do this: give it the rights, or `readonly = 2`.', // READONLY
  192: 'Check --store-user and --store-password.', // UNKNOWN_USER
  193: 'Check --store-user and --store-password.', // WRONG_PASSWORD
  243: 'Free disk space where the store lies.', // NOT_ENOUGH_SPACE
  252: 'The store merges slower than it is written to: insert larger batches.', // TOO_MANY_PARTS
  497: 'The user of the store may not do this: grant it the right.', // ACCESS_DENIED
  516: 'Check --store-user and --store-password.', // AUTHENTICATION_FAILED
}

const UNKNOWN_DATABASE = 81

// Node's words for a connection that could not be had or broke off.
const NETWORK: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
])

export type StoreOperation = 'read' | 'run' | 'insert'

/** A FlamewatchError for whatever the client threw while doing `operation`. */
export function storeError(error: unknown, operation: StoreOperation): FlamewatchError {
  if (error instanceof FlamewatchError) return error
  if (isEngineError(error)) return engineError(error, operation)
  const message = errorMessage(error)
  if (isNetworkError(error))
    return new FlamewatchError('store_unavailable', `The store cannot be reached: ${message}`, {
      hint: 'Check --store-url, and that the server runs.',
      retriable: true,
      status: 503,
      cause: error,
    })
  const full = error instanceof Error && 'code' in error && error.code === 'ENOSPC'
  return new FlamewatchError('store_error', `The store answered: ${message}`, {
    ...(full ? { hint: HINTS[243], retriable: true, status: 503 } : {}),
    cause: error,
  })
}

export function isNetworkError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && typeof error.code === 'string' && NETWORK.has(error.code)) return true
  // The client's own words when `request_timeout` has passed, and Node's when a kept connection was
  // closed under the request.
  return error.message === 'Timeout error.' || error.message === 'socket hang up'
}

export function queryCancelled(cause?: unknown): FlamewatchError {
  const options: ErrorOptions = { status: 499, cause }
  return new FlamewatchError('query_cancelled', 'The statement was cancelled.', options)
}

export function storeClosed(): FlamewatchError {
  return new FlamewatchError('store_unavailable', 'The store is closed.', { status: 503 })
}

// By shape: the embedded engine's client throws the class of another copy of the same package.
type EngineError = Error & { readonly code: string; readonly type?: string | undefined }

function isEngineError(error: unknown): error is EngineError {
  if (!(error instanceof Error) || !('code' in error)) return false
  return typeof error.code === 'string' && /^\d+$/.test(error.code)
}

function engineError(error: EngineError, operation: StoreOperation): FlamewatchError {
  const number = Number(error.code)
  const text = `${error.message.trim()} (${error.type ?? 'unknown'}, ${error.code})`
  if (number === CANCELLED) return queryCancelled(error)
  // An insert over a limit is no fault of whoever asks: it is tried again.
  if (LIMITS.has(number) && operation !== 'insert')
    return new FlamewatchError('query_limit', `The query was over its limits: ${text}`, {
      hint: 'Ask for a shorter time range or a narrower selector.',
      status: 422,
      cause: error,
    })
  if (number === UNKNOWN_DATABASE)
    return new FlamewatchError('migration', `The database does not exist: ${text}`, {
      hint: 'Run `flamewatch migrate`, or check --store-database.',
      cause: error,
    })
  const hint = HINTS[number]
  const retriable = PASSING.has(number) || LIMITS.has(number)
  return new FlamewatchError('store_error', `The store answered: ${text}`, {
    retriable,
    status: retriable ? 503 : 500,
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  })
}
