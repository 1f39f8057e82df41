// Every error a caller can meet has a stable code, listed here by area. Text: fact, value got,
// remedy. Callers decide by `code` or `retriable`, never by text.

export const ERROR_CODES = [
  // usage and configuration
  'usage',
  'option_invalid',
  'listen_refused',
  'address_in_use',
  // kernel and sampling: this machine may not be sampled
  'not_privileged',
  'libbpf_missing',
  'btf_missing',
  'bpf_object_damaged',
  'bpf_rejected',
  'pid_namespace',
  'kernel_unsupported',
  'perf_event',
  'kernel_error',
  // bad input at a door
  'malformed',
  'too_large',
  'unsupported_media',
  'not_found',
  'method_not_allowed',
  'unauthorized',
  'out_of_range',
  'newer_format',
  // store and queries
  'store_locked',
  'store_unavailable',
  'store_error',
  'query_limit',
  'no_control',
  'overloaded',
  'query_cancelled',
  'migration',
  // sending
  'server_unreachable',
  'server_refused',
  'spool',
  // Kafka
  'kafka_unreachable',
  'kafka_refused',
  'kafka_topic',
  'kafka_too_large',
  'kafka_intent',
  'kafka_error',
  'internal',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

export type ErrorOptions = {
  /** What to do about it: shown as `hint` by the API and after the message on a terminal. */
  readonly hint?: string
  /** True when the same call may succeed later. */
  readonly retriable?: boolean
  /** HTTP status where the error reaches a client. */
  readonly status?: number
  readonly cause?: unknown
}

export class FlamewatchError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly retriable: boolean
  readonly status: number

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'FlamewatchError'
    this.code = code
    this.hint = options.hint
    this.retriable = options.retriable ?? false
    this.status = options.status ?? 500
  }
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
