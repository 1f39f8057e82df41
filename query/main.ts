import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Log } from '../infra/runtime/log.ts'
import type { Metrics } from '../infra/runtime/metrics.ts'
import type { Store } from '../infra/store/store.ts'
import type { CollectorsAnswer } from './api.ts'
import { createApp } from './app.ts'
import { Gate } from './gate.ts'
import type { QueryOptions } from './options.ts'
import { Dictionaries } from './read/dictionaries.ts'

export type QueryDeps = {
  readonly store: Store
  readonly log: Log
  readonly metrics: Metrics
  readonly options: QueryOptions
  /** The collector that runs beside this server. */
  readonly local?: () => CollectorsAnswer['local']
  /** Unix ms, for tests. */
  readonly now?: () => number
}

const MEBIBYTE = 1024 * 1024

/** The room's answers as an app to mount; the store stays its owner's. */
export function createQuery(deps: QueryDeps): { readonly app: OpenAPIHono; close(): void } {
  const { store, log, metrics, options } = deps
  const gate = new Gate({ concurrency: options.queryConcurrency, queue: options.queryQueue })
  const waiting = metrics.gauge('flamewatch_query_waiting', 'Questions that wait for their turn')
  Object.assign(waiting, { collect: () => waiting.set(gate.waiting) })
  const closing = new AbortController()
  const app = createApp({
    store,
    dictionaries: new Dictionaries({ maxBytes: options.queryCache * MEBIBYTE, metrics }),
    gate,
    limits: {
      timeoutMs: options.queryTimeout * 1000,
      memoryBytes: options.queryMemory * MEBIBYTE,
    },
    maxDays: options.queryRange,
    now: deps.now ?? Date.now,
    local: deps.local ?? (() => null),
    closing: closing.signal,
    log,
  })
  return { app, close: () => closing.abort() }
}
