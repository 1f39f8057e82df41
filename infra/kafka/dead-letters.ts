import { BATCH_HEADERS } from '../contract/batch.ts'
import { DEAD_HEADERS, isDeadHeader } from '../contract/dead-letter.ts'
import type { KafkaClient } from './client.ts'
import { deadTopic } from './options.ts'
import { readTopic, type StoredMessage } from './read-topic.ts'

/** A dead letter without its body. */
export type DeadLetter = {
  /** `PARTITION:OFFSET` in the topic of dead letters. */
  readonly id: string
  /** Unix ms when it was sent there. */
  readonly atMs: number
  readonly bytes: number
  /** Text of every header, in the order they came. */
  readonly headers: ReadonlyMap<string, string>
  /** How often this message died: each replay that did not help is one more letter, of which this is the last. */
  readonly times: number
}

export type Choice = {
  /** Of any reason unless given. */
  readonly reason?: string | undefined
  /** All unless given. */
  readonly ids?: ReadonlySet<string>
}

/** The letters there are, oldest first, one a message. */
export async function listDeadLetters(client: KafkaClient, choice: Choice): Promise<DeadLetter[]> {
  const byMessage = new Map<string, DeadLetter>()
  await readTopic(client, deadTopic(client.topic), (message) => {
    const letter = letterOf(message)
    const key = identityOf(letter)
    const { times = 0 } = byMessage.get(key) ?? {}
    byMessage.delete(key)
    byMessage.set(key, { ...letter, times: times + 1 })
  })
  return [...byMessage.values()].filter(
    ({ id, headers }) =>
      (choice.reason === undefined || headers.get(DEAD_HEADERS.reason) === choice.reason) &&
      (choice.ids === undefined || choice.ids.has(id)),
  )
}

/** The body of one letter; null when there is no such letter. */
export async function readDeadBody(client: KafkaClient, id: string): Promise<Buffer | null> {
  let body: Buffer | null = null
  await readTopic(client, deadTopic(client.topic), (message) => {
    if (idOf(message) === id) body = message.value ?? Buffer.alloc(0)
  })
  return body
}

/**
 * Sends letters back to the topic of batches as they were; ingest judges them anew. Sending one twice does
 * no harm: the ledger knows what is stored. Calls `onSent` when the brokers have one.
 */
export async function replayDeadLetters(
  client: KafkaClient,
  letters: readonly DeadLetter[],
  onSent: () => void,
): Promise<void> {
  const wanted = new Set(letters.map(({ id }) => id))
  const producer = client.producer()
  try {
    await producer.connect()
    await readTopic(client, deadTopic(client.topic), async (message) => {
      if (!wanted.has(idOf(message))) return
      const headers = Object.entries(message.headers ?? {}).filter(([name]) => !isDeadHeader(name))
      const replays = Number(message.headers?.[DEAD_HEADERS.replays] ?? 0) + 1
      await producer.send({
        topic: client.topic,
        acks: -1,
        messages: [
          {
            key: message.key,
            value: message.value,
            headers: {
              ...Object.fromEntries(headers),
              [DEAD_HEADERS.replays]: String(replays),
            },
          },
        ],
      })
      onSent()
    })
  } finally {
    await producer.disconnect()
  }
}

function letterOf(message: StoredMessage): Omit<DeadLetter, 'times'> {
  const headers = Object.entries(message.headers ?? {}).map(
    ([name, value]) => [name, String(value)] as const,
  )
  return {
    id: idOf(message),
    atMs: Number(message.timestamp),
    bytes: message.value?.length ?? 0,
    headers: new Map(headers),
  }
}

// A message that comes back has the same bytes and, where it was a batch, the same number.
function identityOf({ headers }: Omit<DeadLetter, 'times'>): string {
  const { collector, epoch, sequence, format } = BATCH_HEADERS
  return [DEAD_HEADERS.sha256, collector, epoch, sequence, format]
    .map((name) => headers.get(name) ?? '')
    .join('\n')
}

function idOf({ partition, offset }: StoredMessage): string {
  return `${partition}:${offset}`
}
