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
  279, // ALL_CONNECTION_TRIES_FAILED: no replica of a shard answers
  285, // TOO_FEW_LIVE_REPLICAS
  286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  319, // UNKNOWN_STATUS_OF_INSERT
  999, // KEEPER_EXCEPTION
])

// The server at this address cannot now; another of its cluster may.
const ADDRESS_FAULTS: ReadonlySet<number> = new Set([209, 210, 225, 236, 242, 279, 999])

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

const TLS_HINTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'Renew the certificate of the server.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'Give the certificate of its authority with --store-ca.',
  SELF_SIGNED_CERT_IN_CHAIN: 'Give the certificate of its authority with --store-ca.',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'Give the certificate of its authority with --store-ca.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'Give the certificate of its authority with --store-ca.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Use a name in --store-url that stands in its certificate.',
  ERR_SSL_WRONG_VERSION_NUMBER: 'It speaks http, not https: check --store-url.',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'Give --store-cert and --store-key.',
  EPROTO: 'Check that --store-url says http or https as the server does.',
}

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

// The client's words when `request_timeout` has passed.
const TIMEOUT_WORDS = 'Timeout error.'

export type StoreOperation = 'read' | 'run' | 'insert'

/**
 * A FlamewatchError for whatever the client threw while doing `operation`; `addresses` are those
 * that were tried.
 */
export function storeError(
  error: unknown,
  operation: StoreOperation,
  addresses: readonly { readonly url: string }[] = [],
): FlamewatchError {
  if (error instanceof FlamewatchError) return error
  if (isEngineError(error)) return engineError(error, operation)
  const message = errorMessage(error)
  if (isNetworkError(error)) {
    const at = addresses.length > 0 ? ` at ${addresses.map(({ url }) => url).join(', ')}` : ''
    return unavailable(`The store cannot be reached${at}: ${message}`, error)
  }
  const code = codeOf(error)
  const hint = TLS_HINTS[code]
  if (hint !== undefined)
    return new FlamewatchError('store_error', `The store is not to be trusted: ${message}`, {
      hint,
      status: 503,
      cause: error,
    })
  return new FlamewatchError('store_error', `The store answered: ${message}`, {
    ...(code === 'ENOSPC' ? { hint: HINTS[243], retriable: true, status: 503 } : {}),
    cause: error,
  })
}

/** The store said nothing for longer than the statement may take. */
export function storeTimeout(timeoutMs: number, cause: unknown): FlamewatchError {
  return unavailable(`The store did not answer within ${timeoutMs / 1000} s.`, cause)
}

function unavailable(message: string, cause: unknown): FlamewatchError {
  return new FlamewatchError('store_unavailable', message, {
    hint: 'Check --store-url, and that the server runs.',
    retriable: true,
    status: 503,
    cause,
  })
}

/** True when it is the address that cannot, not the statement. */
export function isAddressFault(error: unknown): boolean {
  if (error instanceof FlamewatchError) return error.code === 'store_unavailable'
  return isNetworkError(error) || ADDRESS_FAULTS.has(Number(codeOf(error)))
}

/** True when no byte of the statement can have reached a server. */
export function wasNotSent(error: unknown): boolean {
  const code = codeOf(error)
  const connecting = error instanceof Error && 'syscall' in error && error.syscall === 'connect'
  return (connecting && NETWORK.has(code)) || code === 'ENOTFOUND' || code === 'EAI_AGAIN'
}

/** True for an error that comes after a long wait. */
export function isTimeout(error: unknown): boolean {
  if (error instanceof FlamewatchError) return error.code === 'store_unavailable'
  return codeOf(error) === 'ETIMEDOUT' || errorMessage(error) === TIMEOUT_WORDS
}

export function isNetworkError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (NETWORK.has(codeOf(error))) return true
  // Node's words when a kept connection was closed under the request.
  return error.message === TIMEOUT_WORDS || error.message === 'socket hang up'
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : ''
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
