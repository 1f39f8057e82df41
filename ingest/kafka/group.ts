import { setTimeout as delay } from 'node:timers/promises'
import type {
  Admin,
  Consumer,
  EachBatchPayload,
  KafkaClient,
  PartitionAssigner,
} from '../../infra/kafka/client.ts'
import { PartitionAssigners } from '../../infra/kafka/client.ts'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import type { Log } from '../../infra/runtime/log.ts'
import type { TopicMessage } from './messages.ts'
import { type Tenure, TenureOver } from './tenure.ts'

// A member of the consumer group, over kafkajs, whose traps end here:
//  - `consumer.commitOffsets` answers a stopped consumer with success, and tries again with the
//    generation of that moment, which may be a later one than the caller's.
//  - Members join again in four places, of which one event tells of two.
//  - A batch fetched in one generation may be handed over in the next.
//  - An offset before the start of the log becomes the log's start without a word.

export type GroupDeps = {
  readonly client: KafkaClient
  readonly group: string
  /** A member not heard of for so long is put out of the group. */
  readonly sessionMs: number
  readonly handler: GroupHandler
  readonly explain: (error: unknown) => FlamewatchError
  readonly log: Log
}

export type GroupHandler = {
  /** A new generation has begun. What was owned before is over by then, by the signals of its tenures. */
  joined(): void
  /** Partitions this process owns from now on; all of a generation, or one whose place was not known yet. */
  assigned(partitions: readonly Assigned[]): void
  /** In order, without gaps but those of the topic itself. `highWatermark` is the offset to come. */
  received(partition: number, messages: readonly TopicMessage[], highWatermark: bigint): void
  /** So many messages were removed by the topic's retention before they were read. */
  expired(partition: number, messages: bigint): void
  /** Nothing more will come. */
  died(error: FlamewatchError): void
}

export type Assigned = {
  readonly tenure: Tenure
  readonly offset: bigint
  /** Committed with the offset. */
  readonly metadata: string
}

type CommitNow = EachBatchPayload['commitOffsetsIfNecessary']

// A partition nobody has committed to begins wherever its log does: known with the first batch.
type Place = { readonly tenure: Tenure; next: bigint | null }

const RETRY_MS = 500
// Not even a heartbeat or a lost connection for so long: kafkajs has stopped without saying so
// (kafkajs #659).
const SILENCE_MS = 300_000

export class Group {
  readonly #deps: GroupDeps
  readonly #consumer: Consumer
  readonly #admin: Admin
  #generation: Generation | null = null
  #lastSignMs = performance.now()
  #watchdog: NodeJS.Timeout | undefined
  #closing = false

  constructor(deps: GroupDeps) {
    this.#deps = deps
    this.#admin = deps.client.admin()
    this.#consumer = deps.client.consumer({
      groupId: deps.group,
      sessionTimeout: deps.sessionMs,
      heartbeatInterval: Math.ceil(deps.sessionMs / 10),
      partitionAssigners: [watchJoins(() => this.#endGeneration())],
    })
  }

  /** Resolves when it has begun to join. Throws `kafka_*` when the brokers cannot be reached now. */
  async start(): Promise<void> {
    const { client } = this.#deps
    this.#listen()
    try {
      await this.#admin.connect()
      await this.#consumer.connect()
      await this.#consumer.subscribe({ topics: [client.topic], fromBeginning: true })
      await this.#consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: (payload) => this.#deliver(payload),
      })
    } catch (error) {
      throw this.#deps.explain(error)
    }
    this.#watchdog = setInterval(() => this.#checkSigns(), SILENCE_MS / 10).unref()
  }

  get isJoined(): boolean {
    return this.#generation !== null
  }

  pause(partition: number): void {
    this.#quietly(() => this.#consumer.pause(this.#places([partition])))
  }

  resume(partition: number): void {
    this.#quietly(() => this.#consumer.resume(this.#places([partition])))
  }

  /** The offset to come of every partition of the topic. */
  async highWatermarks(): Promise<ReadonlyMap<number, bigint>> {
    const offsets = await this.#admin.fetchTopicOffsets(this.#deps.client.topic)
    return new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)]))
  }

  /** Leaves the group. What is to be committed has been by now. */
  async close(): Promise<void> {
    this.#closing = true
    clearInterval(this.#watchdog)
    this.#endGeneration()
    await Promise.all([this.#consumer.disconnect(), this.#admin.disconnect()])
  }

  #listen(): void {
    const { events } = this.#consumer
    const sign = () => {
      this.#lastSignMs = performance.now()
    }
    for (const event of [events.FETCH, events.HEARTBEAT, events.CONNECT, events.CRASH])
      this.#consumer.on(event as 'consumer.fetch', sign)
    // All its messages were control records or of aborted transactions: nobody is handed an empty batch.
    this.#consumer.on(events.START_BATCH_PROCESS, ({ payload }) => {
      const place = this.#generation?.places.get(payload.partition)
      if (payload.batchSize > 0 || !place || place.next === null) return
      const end = BigInt(payload.lastOffset) + 1n
      if (end > place.next) place.next = end
    })
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => {
      const assignment = payload.memberAssignment as Readonly<Record<string, number[]>>
      this.#begin(assignment[this.#deps.client.topic] ?? [])
    })
    // The runner is gone, whether or not another follows.
    this.#consumer.on(events.STOP, () => this.#endGeneration())
    this.#consumer.on(events.CRASH, ({ payload }) => {
      this.#endGeneration()
      if (!payload.restart) this.#die(this.#deps.explain(payload.error))
    })
  }

  #endGeneration(): void {
    this.#generation?.end()
    this.#generation = null
  }

  /** Nothing is fetched until the group's offsets are read: they say where, and what is pending. */
  #begin(partitions: readonly number[]): void {
    const generation = new Generation()
    this.#endGeneration()
    this.#generation = generation
    const places = this.#places(partitions)
    this.#quietly(() => this.#consumer.pause(places))
    this.#readCommitted(generation, partitions).then(
      (committed) => {
        if (generation.signal.aborted) return
        this.#deps.handler.joined()
        const assigned = committed.map(({ partition, offset, metadata }) => {
          const tenure: Tenure = {
            partition,
            signal: generation.signal,
            commit: (at, data) => this.#commit(generation, partition, at, data),
          }
          generation.places.set(partition, { tenure, next: offset })
          return { tenure, offset, metadata }
        })
        this.#quietly(() => {
          for (const { tenure, offset } of assigned)
            if (offset !== null) this.#consumer.seek(this.#offset(tenure.partition, offset))
          this.#consumer.resume(places)
        })
        this.#deps.handler.assigned(
          assigned.flatMap((one) => (one.offset === null ? [] : [{ ...one, offset: one.offset }])),
        )
      },
      (error: unknown) => {
        if (!generation.signal.aborted) this.#die(this.#deps.explain(error))
      },
    )
  }

  async #readCommitted(generation: Generation, partitions: readonly number[]) {
    const { client, group, explain, log } = this.#deps
    for (;;) {
      try {
        const [answer] = await this.#admin.fetchOffsets({ groupId: group, topics: [client.topic] })
        const committed = new Map(answer?.partitions.map((one) => [one.partition, one]))
        return partitions.map((partition) => {
          const { offset = '-1', metadata } = committed.get(partition) ?? {}
          const known = BigInt(offset)
          // Negative: none, or one that kafkajs put back to the start of the log.
          if (known < 0n) return { partition, offset: null, metadata: '' }
          return { partition, offset: known, metadata: metadata ?? '' }
        })
      } catch (error) {
        const explained = explain(error)
        if (!explained.retriable) throw explained
        log.warn({ err: explained }, 'read committed offsets')
        await delay(RETRY_MS, undefined, { signal: generation.signal })
      }
    }
  }

  async #deliver({ batch, resolveOffset, commitOffsetsIfNecessary }: EachBatchPayload) {
    const generation = this.#generation
    const place = generation?.places.get(batch.partition)
    // Not resolved, so it is fetched again once somebody is there to take it.
    if (!generation || !place) return
    generation.commitNow ??= commitOffsetsIfNecessary
    const { fetchedOffset } = batch as typeof batch & { readonly fetchedOffset: string }
    const from = BigInt(fetchedOffset)
    if (place.next === null) {
      place.next = from
      this.#deps.handler.assigned([{ tenure: place.tenure, offset: from, metadata: '' }])
    }
    if (from !== place.next && !(await this.#mend(generation, place, from))) return
    place.next = BigInt(batch.lastOffset()) + 1n
    resolveOffset(batch.messages.at(-1)?.offset ?? batch.lastOffset())
    const messages = batch.messages.map((message) => ({
      offset: BigInt(message.offset),
      timestampMs: Number(message.timestamp),
      key: message.key,
      value: message.value,
      headers: (message.headers ?? {}) as TopicMessage['headers'],
    }))
    this.#deps.handler.received(batch.partition, messages, BigInt(batch.highWatermark))
  }

  /** A batch does not begin where the one before ended: true when that is right. */
  async #mend(generation: Generation, place: Place, from: bigint): Promise<boolean> {
    const { client, handler, log } = this.#deps
    const { partition } = place.tenure
    const offsets = await this.#admin.fetchTopicOffsets(client.topic)
    if (generation.signal.aborted || place.next === null) return false
    const marks = offsets.find((one) => one.partition === partition)
    const low = BigInt(marks?.low ?? 0)
    const high = BigInt(marks?.high ?? 0)
    if (high < place.next) {
      this.#die(
        new FlamewatchError(
          'kafka_error',
          `Partition ${partition} of topic ${client.topic} ends at ${high}, and was read up to ${place.next}.`,
          { hint: 'The topic was made anew, or lost its end: started again, all of it is read.' },
        ),
      )
      return false
    }
    if (low > place.next) {
      handler.expired(partition, low - place.next)
      place.next = low
    }
    if (from === place.next) return true
    log.debug({ partition, from: String(from), next: String(place.next) }, 'seek')
    const next = place.next
    this.#quietly(() => this.#consumer.seek(this.#offset(partition, next)))
    return false
  }

  async #commit(
    generation: Generation,
    partition: number,
    offset: bigint,
    metadata: string,
  ): Promise<void> {
    const commitNow = generation.commitNow
    // kafkajs takes its member and generation in this same turn, and those of a new generation only
    // after it has asked `watchJoins`: what is committed is committed in this generation or refused.
    if (generation.signal.aborted) throw new TenureOver()
    if (!commitNow) throw new FlamewatchError('internal', 'A commit before the first message came.')
    const partitions = [{ partition, offset: String(offset), metadata }]
    try {
      await commitNow({ topics: [{ topic: this.#deps.client.topic, partitions }] })
    } catch (error) {
      if (isFenced(error)) throw new TenureOver()
      throw this.#deps.explain(error)
    }
  }

  #checkSigns(): void {
    const silentMs = performance.now() - this.#lastSignMs
    if (silentMs < SILENCE_MS) return
    const minutes = Math.round(silentMs / 60_000)
    this.#die(new FlamewatchError('kafka_error', `Nothing from Kafka for ${minutes} minutes.`))
  }

  #die(error: FlamewatchError): void {
    this.#endGeneration()
    if (!this.#closing) this.#deps.handler.died(error)
  }

  #places(partitions: readonly number[]) {
    return [{ topic: this.#deps.client.topic, partitions: [...partitions] }]
  }

  #offset(partition: number, offset: bigint) {
    return { topic: this.#deps.client.topic, partition, offset: String(offset) }
  }

  /** Between two runners there is none to tell; the next generation begins anew. */
  #quietly(task: () => void): void {
    try {
      task()
    } catch (err) {
      this.#deps.log.debug({ err }, 'consumer is not running')
    }
  }
}

class Generation {
  readonly #controller = new AbortController()
  readonly signal = this.#controller.signal
  readonly places = new Map<number, Place>()
  commitNow: CommitNow | null = null

  end(): void {
    this.#controller.abort()
  }
}

/** Calls `onJoin` before every request to join: kafkajs asks for the protocol's name and data then. */
function watchJoins(onJoin: () => void): PartitionAssigner {
  return (config) => {
    const assigner = PartitionAssigners.roundRobin(config)
    return {
      ...assigner,
      protocol(subscription) {
        onJoin()
        return assigner.protocol(subscription)
      },
    }
  }
}

// https://kafka.apache.org/protocol#protocol_error_codes
const FENCED: ReadonlySet<unknown> = new Set([
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'FENCED_INSTANCE_ID',
])

function isFenced(error: unknown): boolean {
  return error instanceof Error && 'type' in error && FENCED.has(error.type)
}
