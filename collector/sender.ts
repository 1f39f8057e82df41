import type { DropReason } from '../infra/contract/account.ts'
import { BATCH_HEADERS } from '../infra/contract/batch.ts'
import { errorMessage } from '../infra/runtime/errors.ts'
import type { Log } from '../infra/runtime/log.ts'
import type { BackOff } from './back-off.ts'
import type { CatchUpPace } from './catch-up-pace.ts'
import type { Publisher, PublishResult } from './publisher.ts'
import type { SpooledBatch, SpoolPart } from './spool/spool.ts'

/** The part of the spool that sends. */
export interface OutgoingQueue {
  readonly batches: number
  oldest(): Promise<SpooledBatch | null>
  remove(batch: SpooledBatch): Promise<void>
  refuse(batch: SpooledBatch, reason: DropReason): Promise<void>
  replace(batch: SpooledBatch, parts: readonly SpoolPart[]): Promise<void>
  release(): void
}

export type SenderOptions = {
  readonly queue: OutgoingQueue
  readonly publisher: Publisher
  readonly backOff: BackOff
  readonly pace: CatchUpPace
  /** Into parts that are smaller, their accounts adding up to its own; one part: it cannot be split. */
  readonly split: (batch: SpooledBatch) => Promise<readonly SpoolPart[]>
  readonly log: Log
  /** Called after every attempt. */
  readonly onResult?: (result: PublishResult) => void
  /** Resolves after `ms`, or when aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Sends what is in the spool, oldest first, one at a time, beside the sampling. */
export class Sender {
  readonly #options: SenderOptions
  readonly #flush = new AbortController()
  readonly #stop = new AbortController()
  #added = Promise.withResolvers<void>()
  /** Why the server took no batch at the last attempt. */
  #away: string | null = null
  #running: Promise<void> | undefined

  constructor(options: SenderOptions) {
    this.#options = options
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** There is a further batch. */
  wake(): void {
    this.#added.resolve()
  }

  /** Tries once more to empty the spool, for at most `flushMs`, then stops. */
  async close(flushMs: number): Promise<void> {
    this.#flush.abort()
    this.wake()
    const timer = setTimeout(() => this.#stop.abort(), flushMs)
    await this.#running
    clearTimeout(timer)
    await this.#options.publisher.close()
  }

  async #run(): Promise<void> {
    const { backOff, sleep } = this.#options
    const flush = this.#flush.signal
    while (!this.#stop.signal.aborted) {
      const stopping = flush.aborted
      const result = await this.#attempt()
      if (result === null) {
        if (stopping) return
        await this.#added.promise
        this.#added = Promise.withResolvers()
      } else if (result.kind === 'later') {
        // What a server that is away did not take is left to the next start.
        if (stopping) return
        await sleep(backOff.next(result.afterMs), flush)
      } else {
        backOff.reset()
      }
    }
  }

  /** Null when nothing is to be sent. */
  async #attempt(): Promise<PublishResult | null> {
    const { queue, publisher, onResult, pace, sleep } = this.#options
    try {
      const batch = await queue.oldest()
      if (!batch) return null
      const pauseMs = pace.pauseBefore(batch.headers)
      if (pauseMs > 0) await sleep(pauseMs, this.#flush.signal)
      const waiting = { [BATCH_HEADERS.waiting]: String(queue.batches - 1) }
      const headers = { ...batch.headers, ...waiting }
      const result = await publisher.publish({ ...batch, headers }, this.#stop.signal)
      onResult?.(result)
      this.#report(result)
      if (result.kind === 'stored') await queue.remove(batch)
      else if (result.kind === 'refused') await queue.refuse(batch, result.reason)
      else if (result.kind === 'too_large') await this.#split(batch)
      else queue.release()
      return result
    } catch (error) {
      queue.release()
      this.#options.log.error({ err: error }, 'send batch')
      return { kind: 'later', detail: errorMessage(error) }
    }
  }

  async #split(batch: SpooledBatch): Promise<void> {
    const { queue, split } = this.#options
    const parts = await split(batch)
    if (parts.length > 1) await queue.replace(batch, parts)
    else await queue.refuse(batch, 'batch_too_large')
  }

  // A server that is away is worth a line when it goes, when the reason changes and when it comes back,
  // not one per attempt.
  #report(result: PublishResult): void {
    const { log, queue } = this.#options
    if (result.kind === 'later') {
      const { detail } = result
      if (this.#away !== detail)
        log.warn({ detail, spooled: queue.batches }, 'server takes no batches, spooling')
      this.#away = detail
      return
    }
    if (this.#away) log.info({ spooled: queue.batches }, 'server takes batches again')
    this.#away = null
    if (result.kind === 'too_large') log.warn({ detail: result.detail }, 'batch too large')
    if (result.kind === 'refused')
      log.error({ reason: result.reason, detail: result.detail }, 'batch refused')
  }
}
