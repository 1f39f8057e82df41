import type { Log } from '../../infra/runtime/log.ts'
import type { ReadBatch } from '../batch-reader.ts'
import type { Writer } from '../writer.ts'
import { cutRanges, type Range } from './cut-ranges.ts'
import { encodeIntent, type Intent, rangeToken, skipsOf } from './intent.ts'
import { type JudgeDeps, type Judged, judge, readAgain } from './judge.ts'
import type { MessageQueue } from './message-queue.ts'
import type { TopicMessage } from './messages.ts'
import { type Tenure, TenureOver } from './tenure.ts'

/** A message that is not stored, and why. */
export type DeadMessage = { readonly message: TopicMessage; readonly verdict: DeadVerdict }
type DeadVerdict = Extract<Judged['verdict'], { kind: 'dead' }>

export type PumpDeps = JudgeDeps & {
  readonly topic: string
  readonly writer: Writer
  /** Resolves when all of them are in the topic of dead letters. */
  readonly bury: (partition: number, dead: readonly DeadMessage[]) => Promise<void>
  /** Runs it when few enough others run: ranges under way take memory. */
  readonly inTurn: <T>(task: () => Promise<T>) => Promise<T>
  readonly observer: PumpObserver
  /** Unix ms. */
  readonly now: () => number
  /** Resolves after `ms`, or when aborted. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>
  readonly log: Log
}

/** Told what happened, for metrics. */
export type PumpObserver = {
  /** A try of a step failed and will be repeated. */
  failed(step: PumpStep): void
  replayed(): void
  /** A range is stored. */
  stored(partition: number, judged: readonly Judged[]): void
}

export type PumpStep = 'judge' | 'bury' | 'commit' | 'store' | 'record'

export type PumpStart = {
  /** Where the group is. */
  readonly offset: bigint
  /** What was begun there and may or may not have been stored. */
  readonly pending: Intent | null
}

const FIRST_WAIT_MS = 200
const MAX_WAIT_MS = 30_000

/**
 * Takes one partition's messages from the queue to the store, range by range, each exactly once:
 * judge, bury what is dead, commit the intent, store under its token, record in the ledger. The commit of
 * the next intent acknowledges the range before. An outage delays and never skips.
 */
export class PartitionPump {
  readonly #deps: PumpDeps
  readonly #tenure: Tenure
  readonly #queue: MessageQueue
  readonly #stopping = new AbortController()
  #pending: Intent | null
  /** The next offset: all before it is stored, skipped or dead. */
  #position: bigint
  #committed: bigint

  constructor(deps: PumpDeps, tenure: Tenure, queue: MessageQueue, start: PumpStart) {
    this.#deps = deps
    this.#tenure = tenure
    this.#queue = queue
    this.#pending = start.pending
    this.#position = start.offset
    this.#committed = start.offset
  }

  get position(): bigint {
    return this.#position
  }

  /** Resolves when the tenure is over or `stop` was called and the range in hand is done. */
  async run(): Promise<void> {
    const onAbort = () => this.#queue.close()
    this.#tenure.signal.addEventListener('abort', onAbort)
    try {
      if (this.#tenure.signal.aborted) return
      if (this.#pending) await this.#replay(this.#pending)
      for (;;) {
        if (this.#queue.isEmpty) await this.#settle()
        const messages = await this.#queue.take()
        if (!messages) break
        await this.#deps.inTurn(() => this.#process(messages))
      }
      await this.#settle()
    } catch (error) {
      if (!(error instanceof TenureOver)) throw error
    } finally {
      this.#queue.close()
      this.#tenure.signal.removeEventListener('abort', onAbort)
    }
  }

  /** Lets the range in hand finish, if the store takes it at the next try. */
  stop(): void {
    this.#stopping.abort()
    this.#queue.close()
  }

  async #process(messages: readonly TopicMessage[]): Promise<void> {
    const { now, writer } = this.#deps
    const atMs = now()
    const judged = await this.#persist('judge', () =>
      judge(messages, this.#tenure.partition, atMs, this.#deps),
    )
    for (const range of cutRanges(this.#position, judged)) {
      const { lo, hi, skip } = range
      const intent = { lo, hi, skip, atMs, retention: writer.retention }
      await this.#bury(range.judged)
      // From here on the range has these bounds, whoever stores it.
      await this.#commit(lo, encodeIntent(intent))
      await this.#store(intent, range.judged)
      if (this.#stopping.signal.aborted) return
    }
  }

  async #replay(intent: Intent): Promise<void> {
    const { pool, observer } = this.#deps
    const messages = await this.#queue.takeThrough(intent.hi)
    if (!messages) return
    const isSkipped = skipsOf(intent)
    const wanted = messages.filter(({ offset }) => !isSkipped(offset))
    await this.#deps.inTurn(async () => {
      const judged = await this.#persist('judge', () =>
        readAgain(wanted, this.#tenure.partition, intent.atMs, pool),
      )
      await this.#bury(judged)
      await this.#store(intent, judged)
    })
    this.#pending = null
    observer.replayed()
  }

  async #store(intent: Intent, judged: Range['judged']): Promise<void> {
    const { topic, writer, ledger, observer } = this.#deps
    const { partition } = this.#tenure
    const batches = judged.flatMap(({ verdict }): ReadBatch[] =>
      verdict.kind === 'store' ? [verdict.batch] : [],
    )
    if (batches.length > 0) {
      const token = rangeToken(topic, partition, intent)
      const profiles = batches.map(({ labelled }) => labelled)
      await this.#persist('store', () => writer.write(profiles, token, intent.retention))
      await this.#persist('record', () => ledger.add(batches.map(({ entry }) => entry)))
    }
    this.#position = intent.hi + 1n
    observer.stored(partition, judged)
  }

  async #bury(judged: readonly Judged[]): Promise<void> {
    const dead = judged.filter((one): one is DeadMessage => one.verdict.kind === 'dead')
    if (dead.length > 0)
      await this.#persist('bury', () => this.#deps.bury(this.#tenure.partition, dead))
  }

  /** Says that nothing is pending: the lag is what it is, and the next owner has nothing to repeat. */
  async #settle(): Promise<void> {
    if (this.#committed === this.#position) return
    await this.#commit(this.#position, '')
    this.#committed = this.#position
  }

  async #commit(offset: bigint, metadata: string): Promise<void> {
    await this.#persist('commit', () => this.#tenure.commit(offset, metadata))
  }

  /** Tries until it succeeds, or the tenure is over, or a try failed after `stop`. */
  async #persist<T>(step: PumpStep, task: () => Promise<T>): Promise<T> {
    const { signal } = this.#tenure
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, MAX_WAIT_MS)) {
      if (signal.aborted) throw new TenureOver()
      try {
        return await task()
      } catch (error) {
        if (error instanceof TenureOver) throw error
        this.#deps.observer.failed(step)
        const { partition } = this.#tenure
        this.#deps.log.warn({ err: error, partition, step, waitMs }, 'step failed, trying again')
        // What was begun stays an intent, which the next owner completes.
        if (this.#stopping.signal.aborted) throw new TenureOver()
      }
      const either = AbortSignal.any([signal, this.#stopping.signal])
      await this.#deps.wait(waitMs * (1 - Math.random() / 2), either)
    }
  }
}
