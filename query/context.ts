import type { Context } from 'hono'
import { DEFAULT_TENANT } from '../infra/contract/labels.ts'
import type { Log } from '../infra/runtime/log.ts'
import type { QueryLimits, Store } from '../infra/store/store.ts'
import type { CollectorsAnswer } from './api.ts'
import type { Gate } from './gate.ts'
import type { Dictionaries } from './read/dictionaries.ts'
import type { Reader } from './read/reader.ts'
import { createReader } from './read/reader.ts'

/** What every route stands on. */
export type QueryContext = {
  readonly store: Store
  readonly dictionaries: Dictionaries
  readonly gate: Gate
  readonly limits: QueryLimits
  /** Longest range of a question. */
  readonly maxDays: number
  /** Unix ms; relative times count from it. */
  readonly now: () => number
  readonly local: () => CollectorsAnswer['local']
  /** Aborted when the room closes: questions under way stop. */
  readonly closing: AbortSignal
  readonly log: Log
}

/**
 * Answers one question when its turn comes. Its reader is the one place where a question gets its
 * tenant; it stops when the client goes away or the room closes.
 */
export function ask<T>(
  context: QueryContext,
  c: Context,
  answer: (reader: Reader) => Promise<T>,
): Promise<T> {
  const { store, limits, gate, closing, now } = context
  const signal = AbortSignal.any([c.req.raw.signal, closing])
  return gate.run(signal, () =>
    answer(createReader(store, { tenant: DEFAULT_TENANT, nowMs: now(), limits, signal })),
  )
}
