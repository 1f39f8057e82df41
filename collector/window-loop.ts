import type { Account, DropReason } from '../infra/contract/account.ts'
import { addAccounts, filteredOf } from '../infra/contract/account.ts'
import { errorMessage } from '../infra/runtime/errors.ts'
import type { Log } from '../infra/runtime/log.ts'
import type { BuiltBatch } from './batch/worker-messages.ts'
import type { CollectorMetrics } from './collector-metrics.ts'
import type { NewBatch } from './spool/spool.ts'
import type { SampleWindow, SourceRows } from './window.ts'

/** The part of the sampler this needs. */
export interface WindowSource {
  readonly notes: readonly string[]
  drain(): Promise<SampleWindow>
  /** Takes no more samples; a drain() after it returns the last ones. */
  stop(): void
}

/** The worker. */
export interface BatchSource {
  build(window: SampleWindow): Promise<BuiltBatch>
}

/** The part of the spool this needs. */
export interface BatchSink {
  add(batch: NewBatch): Promise<void>
  lose(account: Account, reason: DropReason): Promise<void>
}

export type WindowLoopOptions = {
  readonly source: WindowSource
  readonly worker: BatchSource
  readonly sink: BatchSink
  /** What a user must know of all batches, besides what source and worker say. */
  readonly notes: () => readonly string[]
  readonly host: string
  readonly windowMs: number
  readonly log: Log
  readonly metrics: CollectorMetrics
  /** Called when a batch is in the sink; null for a window that had none. */
  readonly onBatch: (batch: BuiltBatch | null) => void
  /** Called when windows cannot be had any more (the reason), and when they can again (null). */
  readonly onHealth: (fault: string | null) => void
  /** Resolves after `ms`, or when aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

const FAILURES_UNTIL_FAULT = 3
const LONGEST_WINDOW_MS = 3_600_000 // of the contract

/**
 * Once per window: drains the sampler, has the worker build the batch, puts it into the spool. At most
 * one window is in the worker; the next one, drained on time, waits for it.
 */
export class WindowLoop {
  readonly #options: WindowLoopOptions
  #delivery: Promise<void> = Promise.resolve()
  #failures = 0

  constructor(options: WindowLoopOptions) {
    this.#options = options
  }

  /** Until aborted; then the window that has begun is delivered, too. */
  async run(signal: AbortSignal): Promise<void> {
    const { source, sleep, windowMs } = this.#options
    let nextMs = performance.now() + windowMs
    while (!signal.aborted) {
      await sleep(nextMs - performance.now(), signal)
      if (signal.aborted) break
      await this.#turn()
      // A late window is a longer one; none is made up for.
      nextMs = Math.max(nextMs + windowMs, performance.now())
    }
    source.stop()
    await this.#turn()
    await this.#delivery
  }

  async #turn(): Promise<void> {
    const window = await this.#drain()
    await this.#delivery
    if (window) this.#delivery = this.#deliver(window)
  }

  async #drain(): Promise<SampleWindow | null> {
    const { source, log, metrics, onHealth } = this.#options
    const startedMs = performance.now()
    try {
      const window = await source.drain()
      metrics.countDrained(window, performance.now() - startedMs)
      if (this.#failures >= FAILURES_UNTIL_FAULT) onHealth(null)
      this.#failures = 0
      return window
    } catch (error) {
      metrics.countFailure('drain')
      log.error({ err: error }, 'drain window')
      if (++this.#failures === FAILURES_UNTIL_FAULT) onHealth(errorMessage(error))
      return null
    }
  }

  /** Never rejects: what goes wrong is counted. */
  async #deliver(drained: SampleWindow): Promise<void> {
    const { worker, sink, host, log, metrics, source, notes, onBatch } = this.#options
    const window = { ...drained, ...boundTime(drained) }
    // The columns are handed over to the worker, so they are counted before.
    const account = accountOf(window)
    let built: BuiltBatch | null = null
    try {
      const batch = await worker.build(window)
      built = batch
      metrics.countBuilt(batch)
      for (const { account, body } of batch.parts)
        await sink.add({
          host,
          account,
          body,
          notes: [...source.notes, ...notes(), ...batch.notes],
          windowStart: window.startMs,
          windowEnd: window.endMs,
        })
      metrics.showLag(Date.now() - window.endMs)
    } catch (error) {
      metrics.countFailure('build')
      log.error({ err: error, samples: account.kept }, 'build batch')
      await sink.lose(account, 'drain_error')
    }
    onBatch(built)
  }
}

function accountOf(window: SampleWindow): Account {
  return [window, ...(window.beside ?? [])].map(accountOfRows).reduce(addAccounts)
}

function accountOfRows({ taken, idle, filtered, dropped, count }: SourceRows): Account {
  const kept = count.reduce((sum, n) => sum + n, 0)
  return { taken, idle, ...filteredOf(filtered ?? 0), kept, dropped, faults: {} }
}

// The wall clock may be set while a window is open, and a machine may sleep.
function boundTime({ startMs, endMs }: SampleWindow): { startMs: number; endMs: number } {
  const end = Math.round(endMs)
  const start = Math.max(Math.round(startMs), end - LONGEST_WINDOW_MS)
  return { startMs: Math.min(start, end - 1), endMs: end }
}
