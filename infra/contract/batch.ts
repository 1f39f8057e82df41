import type { Account } from './account.ts'
import { DROP_REASONS, filteredOf, STACK_FAULTS, unaccounted } from './account.ts'

// A batch is what a collector sends for one window of one host: a gzip pprof whose body never
// changes once it has a sequence number, and these headers. By HTTP they are request headers, by
// Kafka message headers of the same names (lower case).
//
// The pprof of format version 1:
//   sample_type   one: cpu/nanoseconds, off_cpu/nanoseconds, or HOOK/count
//   period        nanoseconds between two samples of one CPU; period_type cpu/nanoseconds
//                 (off_cpu: none; HOOK: 1 event/count)
//   time_nanos    start of the window; duration_nanos its length
//   sample        location ids leaf first; kernel frames before user frames; value in nanoseconds;
//                 string labels are the series: service, version, host, then free ones
//   location      one line per frame (inlined functions innermost first); address in the mapping
//   function      name demangled, system_name as in the file, filename of the source if known
//   mapping       filename (its base name is the frame's module), build_id

const BATCH_FORMAT = 1

export const BATCH_HEADERS = {
  format: 'flamewatch-format',
  collector: 'flamewatch-collector',
  epoch: 'flamewatch-epoch',
  sequence: 'flamewatch-sequence',
  host: 'flamewatch-host',
  windowStart: 'flamewatch-window-start',
  windowEnd: 'flamewatch-window-end',
  account: 'flamewatch-account',
  notes: 'flamewatch-notes',
  waiting: 'flamewatch-waiting',
} as const

export type BatchHeaders = {
  /** Id of the collector's spool, a UUID. */
  readonly collector: string
  /** Start of this spool's life, unix ms: a spool that was lost begins a new one. */
  readonly epoch: number
  /** Counts batches within the epoch, from 1, given when the batch enters the spool. */
  readonly sequence: number
  readonly host: string
  /** Unix ms. */
  readonly windowStart: number
  readonly windowEnd: number
  readonly account: Account
  /** What a user must know about how these samples were taken, one sentence each. */
  readonly notes: readonly string[]
  /** Batches in the spool behind this one when it was sent; said by the sender, not by the spool. */
  readonly waiting?: number
}

export type ParsedHeaders =
  | { readonly kind: 'headers'; readonly headers: BatchHeaders }
  | {
      readonly kind: 'fault'
      readonly reason: string
      /** Of a format this release does not know yet: a good batch, only not here and now. */
      readonly newer?: true
    }

// A year of windows.
const MAX_WAITING = 10_000_000

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const INTEGER = /^(0|[1-9][0-9]{0,15})$/

export function formatBatchHeaders(h: BatchHeaders): Record<string, string> {
  return {
    [BATCH_HEADERS.format]: String(BATCH_FORMAT),
    [BATCH_HEADERS.collector]: h.collector,
    [BATCH_HEADERS.epoch]: String(h.epoch),
    [BATCH_HEADERS.sequence]: String(h.sequence),
    [BATCH_HEADERS.host]: encodeURIComponent(h.host),
    [BATCH_HEADERS.windowStart]: String(h.windowStart),
    [BATCH_HEADERS.windowEnd]: String(h.windowEnd),
    [BATCH_HEADERS.account]: JSON.stringify(h.account),
    [BATCH_HEADERS.notes]: encodeURIComponent(JSON.stringify(h.notes)),
  }
}

/** Reads the headers of a batch; `get` answers undefined for a missing one. Nothing is trusted. */
export function parseBatchHeaders(get: (name: string) => string | undefined): ParsedHeaders {
  const format = get(BATCH_HEADERS.format)
  if (format && INTEGER.test(format) && Number(format) > BATCH_FORMAT)
    return {
      kind: 'fault',
      reason: `The batch has format ${format}, this release reads up to ${BATCH_FORMAT}.`,
      newer: true,
    }
  if (format !== String(BATCH_FORMAT))
    return wrong(BATCH_HEADERS.format, String(BATCH_FORMAT), format)
  const collector = get(BATCH_HEADERS.collector)
  if (!collector || !UUID.test(collector))
    return wrong(BATCH_HEADERS.collector, 'a UUID', collector)
  const numbers: Record<string, number> = {}
  for (const key of ['epoch', 'sequence', 'windowStart', 'windowEnd'] as const) {
    const text = get(BATCH_HEADERS[key])
    if (!text || !INTEGER.test(text) || !Number.isSafeInteger(Number(text)))
      return wrong(BATCH_HEADERS[key], 'an integer', text)
    numbers[key] = Number(text)
  }
  const { epoch, sequence, windowStart, windowEnd } = numbers as {
    epoch: number
    sequence: number
    windowStart: number
    windowEnd: number
  }
  if (sequence < 1) return wrong(BATCH_HEADERS.sequence, '1 or more', String(sequence))
  if (windowEnd <= windowStart || windowEnd - windowStart > 3_600_000)
    return wrong(BATCH_HEADERS.windowEnd, 'within an hour after the start', String(windowEnd))
  const host = decode(get(BATCH_HEADERS.host))
  if (!host || host.length > 255) return wrong(BATCH_HEADERS.host, 'a host name', host)
  const account = parseAccount(get(BATCH_HEADERS.account))
  if (!account)
    return wrong(BATCH_HEADERS.account, 'an account of samples', get(BATCH_HEADERS.account))
  if (unaccounted(account) !== 0)
    return fault(`The account leaves ${unaccounted(account)} samples unaccounted for.`)
  const notes = parseNotes(get(BATCH_HEADERS.notes))
  if (!notes) return wrong(BATCH_HEADERS.notes, 'a list of sentences', get(BATCH_HEADERS.notes))
  const waiting = get(BATCH_HEADERS.waiting) ?? '0'
  if (!INTEGER.test(waiting) || Number(waiting) > MAX_WAITING)
    return wrong(BATCH_HEADERS.waiting, 'a number of batches', waiting)
  const described = { collector, epoch, sequence, host, windowStart, windowEnd, account, notes }
  return {
    kind: 'headers',
    headers: waiting === '0' ? described : { ...described, waiting: Number(waiting) },
  }
}

/** Deduplication token of a batch; only characters that are safe inside SQL. */
export function batchToken(h: Pick<BatchHeaders, 'collector' | 'epoch' | 'sequence'>): string {
  return `${h.collector}/${h.epoch}/${h.sequence}`
}

function parseAccount(text: string | undefined): Account | null {
  const value = parseJson(text)
  if (typeof value !== 'object' || value === null) return null
  const { taken, idle, filtered = 0, kept, dropped, faults } = value as Record<string, unknown>
  if (!isCount(taken) || !isCount(idle) || !isCount(filtered) || !isCount(kept)) return null
  if (!isCounts(dropped, DROP_REASONS) || !isCounts(faults, STACK_FAULTS)) return null
  return { taken, idle, ...filteredOf(filtered), kept, dropped, faults }
}

function isCounts<K extends string>(
  value: unknown,
  known: Readonly<Record<K, unknown>>,
): value is Partial<Record<K, number>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.entries(value).every(([key, n]) => Object.hasOwn(known, key) && isCount(n))
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function parseNotes(text: string | undefined): string[] | null {
  if (text === undefined) return []
  const value = parseJson(decode(text))
  if (!Array.isArray(value) || value.length > 20) return null
  return value.every((note) => typeof note === 'string' && note.length <= 500) ? value : null
}

function parseJson(text: string | undefined): unknown {
  if (text === undefined || text.length > 10_000) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function decode(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function wrong(header: string, what: string, got: string | undefined): ParsedHeaders {
  return fault(`Expected header ${header} to be ${what}, got ${shown(got)}.`)
}

function shown(text: string | undefined): string {
  return text === undefined ? 'nothing' : JSON.stringify(text.slice(0, 100))
}

function fault(reason: string): ParsedHeaders {
  return { kind: 'fault', reason }
}
