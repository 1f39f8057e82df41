import { createHash } from 'node:crypto'
import { DEAD_HEADERS, type DeadReason, isDeadReason } from '../../infra/contract/dead-letter.ts'
import type { KafkaClient, Producer } from '../../infra/kafka/client.ts'
import { deadTopic } from '../../infra/kafka/options.ts'
import type { HeaderValue } from './messages.ts'
import type { DeadMessage } from './partition-pump.ts'

type Letter = {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Record<string, HeaderValue | HeaderValue[] | undefined>
}

const MAX_ERROR_CHARACTERS = 2_000

export function reasonOf({ verdict }: DeadMessage): DeadReason {
  return isDeadReason(verdict.error.code) ? verdict.error.code : 'internal'
}

/** The message as it was, with headers that say where it stood and what was wrong with it. */
function letterOf(topic: string, partition: number, dead: DeadMessage): Letter {
  const { message, verdict } = dead
  return {
    key: message.key,
    value: message.value,
    headers: {
      ...message.headers,
      [DEAD_HEADERS.reason]: reasonOf(dead),
      [DEAD_HEADERS.error]: verdict.error.message.slice(0, MAX_ERROR_CHARACTERS),
      [DEAD_HEADERS.topic]: topic,
      [DEAD_HEADERS.partition]: String(partition),
      [DEAD_HEADERS.offset]: String(message.offset),
      [DEAD_HEADERS.timestamp]: String(message.timestampMs),
      [DEAD_HEADERS.sha256]: createHash('sha256')
        .update(message.value ?? '')
        .digest('hex'),
    },
  }
}

/** Sends dead letters, one request after the other. The same one may be sent twice. */
export class DeadLetters {
  readonly #client: KafkaClient
  #producer: Promise<Producer> | null = null
  #last: Promise<unknown> = Promise.resolve()

  constructor(client: KafkaClient) {
    this.#client = client
  }

  /** Resolves when the brokers have all of them. */
  send(partition: number, dead: readonly DeadMessage[]): Promise<void> {
    const turn = this.#last.then(() => this.#send(partition, dead))
    this.#last = turn.catch(() => {})
    return turn
  }

  async close(): Promise<void> {
    await this.#last
    await this.#drop()
  }

  async #send(partition: number, dead: readonly DeadMessage[]): Promise<void> {
    const { topic } = this.#client
    try {
      this.#producer ??= connect(this.#client)
      const producer = await this.#producer
      // One at a time: together they could be more than a request may hold.
      for (const one of dead)
        await producer.send({
          topic: deadTopic(topic),
          acks: -1,
          messages: [letterOf(topic, partition, one)],
        })
    } catch (error) {
      // A producer may not get over what happened to it; the next try has a new one.
      await this.#drop()
      throw error
    }
  }

  async #drop(): Promise<void> {
    const producer = this.#producer
    this.#producer = null
    await producer?.then((one) => one.disconnect()).catch(() => {})
  }
}

async function connect(client: KafkaClient): Promise<Producer> {
  const producer = client.producer()
  await producer.connect()
  return producer
}
