import { setTimeout as delay } from 'node:timers/promises'
import type { KafkaClient } from '../../infra/kafka/client.ts'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import type { Log } from '../../infra/runtime/log.ts'
import type { IngestMetrics } from '../metrics.ts'
import type { Writer } from '../writer.ts'
import { DeadLetters, reasonOf } from './dead-letters.ts'
import { type Assigned, Group, type GroupHandler } from './group.ts'
import { decodeIntent } from './intent.ts'
import type { JudgeDeps, Judged } from './judge.ts'
import type { KafkaMetrics } from './kafka-metrics.ts'
import { MessageQueue, type QueueLimits } from './message-queue.ts'
import type { TopicMessage } from './messages.ts'
import { PartitionPump, type PumpDeps, type PumpObserver } from './partition-pump.ts'
import { Turns } from './turns.ts'

export type ConsumerDeps = JudgeDeps & {
  readonly client: KafkaClient
  readonly group: string
  readonly sessionMs: number
  readonly limits: QueueLimits
  readonly writer: Writer
  readonly ingestMetrics: IngestMetrics
  readonly metrics: KafkaMetrics
  readonly explain: (error: unknown) => FlamewatchError
  readonly now: () => number
  readonly log: Log
}

type Owned = {
  readonly pump: PartitionPump
  readonly queue: MessageQueue
  readonly done: Promise<void>
  isPaused: boolean
  highWatermark: bigint
}

// One range is scanned while another is inserted; more would take memory and give nothing.
const RANGES_AT_ONCE = 2
const WATERMARKS_MS = 15_000
// An end by signal leaves 15 s for everything; what is not done by then is an intent.
const STOP_MS = 8_000

/** Takes the topic's batches to the store, as one of the consumer group's members. */
export class KafkaConsumer {
  readonly #deps: ConsumerDeps
  readonly #group: Group
  readonly #deadLetters: DeadLetters
  readonly #pumpDeps: PumpDeps
  readonly #owned = new Map<number, Owned>()
  readonly #died = Promise.withResolvers<never>()
  #timer: NodeJS.Timeout | undefined

  constructor(deps: ConsumerDeps) {
    const { client, group, sessionMs, explain, log } = deps
    this.#deps = deps
    this.#died.promise.catch(() => {})
    this.#group = new Group({ client, group, sessionMs, explain, log, handler: this.#handler() })
    this.#deadLetters = new DeadLetters(client)
    const turns = new Turns(RANGES_AT_ONCE)
    this.#pumpDeps = {
      ledger: deps.ledger,
      pool: deps.pool,
      writer: deps.writer,
      topic: client.topic,
      bury: (partition, dead) => this.#deadLetters.send(partition, dead),
      inTurn: (task) => turns.run(task),
      observer: this.#observer(),
      now: deps.now,
      wait: (ms, signal) => delay(ms, undefined, { signal }).catch(() => {}),
      log,
    }
  }

  /** Rejects when this consumer has come to an end that only a new process gets over. */
  get died(): Promise<never> {
    return this.#died.promise
  }

  /** Throws `kafka_*` when the brokers cannot be reached or refuse. */
  async start(): Promise<void> {
    await this.#group.start()
    this.#timer = setInterval(() => void this.#readWatermarks(), WATERMARKS_MS).unref()
  }

  /** Rejects while this process is no member of the group. */
  async ready(): Promise<void> {
    if (this.#group.isJoined) return
    throw new FlamewatchError('kafka_unreachable', 'Not a member of the consumer group now.', {
      retriable: true,
      status: 503,
    })
  }

  /** Finishes the ranges in hand, commits and leaves the group. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    const owned = [...this.#owned.values()]
    for (const { pump } of owned) pump.stop()
    const { promise: timeUp, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, STOP_MS)
    await Promise.race([Promise.all(owned.map(({ done }) => done)), timeUp])
    clearTimeout(timer)
    await this.#group.close()
    await this.#deadLetters.close()
  }

  #handler(): GroupHandler {
    const { metrics, log } = this.#deps
    return {
      joined: () => metrics.assignments.inc(),
      assigned: (partitions) => {
        for (const one of partitions) this.#own(one)
      },
      received: (partition, messages, highWatermark) =>
        this.#receive(partition, messages, highWatermark),
      expired: (partition, messages) => {
        metrics.expired.inc(Number(messages))
        log.error(
          { partition, messages: String(messages) },
          'messages expired before they were read',
        )
      },
      died: (error) => this.#died.reject(error),
    }
  }

  #own({ tenure, offset, metadata }: Assigned): void {
    const { partition, signal } = tenure
    try {
      const pending = decodeIntent(offset, metadata)
      const queue = new MessageQueue(this.#deps.limits, () => this.#resume(partition))
      const pump = new PartitionPump(this.#pumpDeps, tenure, queue, { offset, pending })
      const done = pump.run().catch((error: unknown) => this.#died.reject(error))
      const owned: Owned = { pump, queue, done, isPaused: false, highWatermark: offset }
      this.#owned.set(partition, owned)
      signal.addEventListener('abort', () => this.#disown(partition, owned))
    } catch (error) {
      this.#died.reject(error)
    }
  }

  #disown(partition: number, owned: Owned): void {
    if (this.#owned.get(partition) !== owned) return
    this.#owned.delete(partition)
    this.#deps.metrics.lag.remove({ partition: String(partition) })
    this.#countPaused()
  }

  #receive(partition: number, messages: readonly TopicMessage[], highWatermark: bigint): void {
    const owned = this.#owned.get(partition)
    if (!owned) return
    owned.highWatermark = highWatermark
    owned.queue.add(messages)
    this.#showLag(partition, owned)
    if (!owned.queue.isFull) return
    owned.isPaused = true
    this.#group.pause(partition)
    this.#countPaused()
  }

  #resume(partition: number): void {
    const owned = this.#owned.get(partition)
    if (!owned?.isPaused || owned.queue.isFull) return
    owned.isPaused = false
    this.#group.resume(partition)
    this.#countPaused()
  }

  #observer(): PumpObserver {
    const { metrics } = this.#deps
    return {
      failed: (step) => metrics.failures.inc({ step }),
      replayed: () => metrics.replays.inc(),
      stored: (partition, judged) => {
        metrics.ranges.inc()
        for (const one of judged) this.#count(one)
        const owned = this.#owned.get(partition)
        if (owned) this.#showLag(partition, owned)
      },
    }
  }

  #count({ message, verdict }: Judged): void {
    const { metrics, ingestMetrics } = this.#deps
    const door = 'kafka'
    ingestMetrics.bytes.inc({ door }, message.value?.length ?? 0)
    switch (verdict.kind) {
      case 'store':
        ingestMetrics.received.inc({ door, result: 'stored' })
        ingestMetrics.profiles.inc({ door }, verdict.batch.entry.profiles)
        ingestMetrics.samples.inc({ door }, verdict.batch.entry.samples)
        break
      case 'duplicate':
        ingestMetrics.received.inc({ door, result: 'duplicate' })
        break
      case 'dead':
        ingestMetrics.received.inc({ door, result: verdict.error.code })
        metrics.dead.inc({ reason: reasonOf({ message, verdict }) })
    }
  }

  // A paused partition is not fetched from, so nothing else tells how far behind it is.
  async #readWatermarks(): Promise<void> {
    try {
      for (const [partition, high] of await this.#group.highWatermarks()) {
        const owned = this.#owned.get(partition)
        if (!owned) continue
        owned.highWatermark = high
        this.#showLag(partition, owned)
      }
    } catch (err) {
      this.#deps.log.debug({ err }, 'read the ends of partitions')
    }
  }

  #showLag(partition: number, { pump, highWatermark }: Owned): void {
    const lag = highWatermark - pump.position
    this.#deps.metrics.lag.set({ partition: String(partition) }, Number(lag < 0n ? 0n : lag))
  }

  #countPaused(): void {
    const paused = [...this.#owned.values()].filter(({ isPaused }) => isPaused)
    this.#deps.metrics.paused.set(paused.length)
  }
}
