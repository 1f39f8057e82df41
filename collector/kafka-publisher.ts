import { setTimeout as delay } from 'node:timers/promises'
import { BATCH_HEADERS } from '../infra/contract/batch.ts'
import type { KafkaClient, Producer } from '../infra/kafka/client.ts'
import { createKafka } from '../infra/kafka/client.ts'
import { explainKafkaError } from '../infra/kafka/fault.ts'
import type { KafkaOptions } from '../infra/kafka/options.ts'
import type { Log } from '../infra/runtime/log.ts'
import type { OutgoingBatch, Publisher, PublishResult } from './publisher.ts'

// kafkajs tries again by itself; in an outage it gives up after 13 to 25 s. A socket whose other end is
// gone without a word could keep it longer.
const SEND_MS = 45_000
const CLOSE_MS = 2_000

/**
 * Sends batches as messages of a topic: key the collector, value the gzip pprof, headers those of the
 * batch. What is answered as stored is on all brokers that are in step (acks=all).
 */
export class KafkaPublisher implements Publisher {
  readonly #options: KafkaOptions
  readonly #kafka: KafkaClient
  readonly #sendMs: number
  #producer: Promise<Producer> | null = null

  private constructor(options: KafkaOptions, kafka: KafkaClient, sendMs: number) {
    this.#options = options
    this.#kafka = kafka
    this.#sendMs = sendMs
  }

  /** Connects at the first batch. Throws `option_invalid`. */
  static async create(
    options: KafkaOptions,
    log: Log,
    sendMs: number = SEND_MS,
  ): Promise<KafkaPublisher> {
    return new KafkaPublisher(options, await createKafka(options, log), sendMs)
  }

  async publish(batch: OutgoingBatch, signal: AbortSignal): Promise<PublishResult> {
    const { promise: givenUp, resolve } = Promise.withResolvers<PublishResult>()
    const giveUp = (detail: string) => resolve(this.#giveUp(detail))
    const stop = () => giveUp('stopped')
    const late = `Kafka does not answer within ${this.#sendMs / 1000} s`
    const timer = setTimeout(() => giveUp(late), this.#sendMs)
    signal.addEventListener('abort', stop)
    try {
      return await Promise.race([this.#send(batch), givenUp])
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
  }

  async close(): Promise<void> {
    // A broker that does not answer would keep it waiting.
    await Promise.race([this.#disconnect(), delay(CLOSE_MS, undefined, { ref: false })])
  }

  async #send({ headers, body }: OutgoingBatch): Promise<PublishResult> {
    try {
      this.#producer ??= this.#connect()
      const producer = await this.#producer
      const key = headers[BATCH_HEADERS.collector] ?? ''
      const value = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
      await producer.send({
        topic: this.#kafka.topic,
        acks: -1,
        messages: [{ key, value, headers: { ...headers } }],
      })
      return { kind: 'stored' }
    } catch (error) {
      const { code, message, hint = '' } = explainKafkaError(error, this.#options)
      const detail = `${message} ${hint}`.trim()
      if (code === 'kafka_too_large') return { kind: 'too_large', detail }
      return this.#giveUp(detail)
    }
  }

  async #connect(): Promise<Producer> {
    const producer = this.#kafka.producer()
    await producer.connect()
    return producer
  }

  // The next attempt begins with new connections and a new producer id: a batch that did get through is
  // then twice in the topic, which its sequence number tells the consumer.
  #giveUp(detail: string): PublishResult {
    void this.#disconnect()
    return { kind: 'later', detail }
  }

  async #disconnect(): Promise<void> {
    const producer = this.#producer
    this.#producer = null
    try {
      await (await producer)?.disconnect()
    } catch {
      // It was not connected.
    }
  }
}
