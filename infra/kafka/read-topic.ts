import { randomUUID } from 'node:crypto'
import type { EachBatchPayload, KafkaClient } from './client.ts'

export type StoredMessage = EachBatchPayload['batch']['messages'][number] & {
  readonly partition: number
}

/**
 * Every message of a topic from its start to where it ends now, partition by partition in order. `visit`
 * is called for each; what it answers is waited for. Nothing is committed.
 */
export async function readTopic(
  client: KafkaClient,
  topic: string,
  visit: (message: StoredMessage) => void | Promise<void>,
): Promise<void> {
  const admin = client.admin()
  // Members need a group, also those that commit nothing; this one is deleted afterwards.
  const groupId = `flamewatch-read-${randomUUID()}`
  const consumer = client.consumer({ groupId, minBytes: 1 })
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  try {
    await admin.connect()
    const offsets = await admin.fetchTopicOffsets(topic)
    const ends = new Map(
      offsets
        .filter(({ low, high }) => BigInt(low) < BigInt(high))
        .map(({ partition, high }) => [partition, BigInt(high)]),
    )
    if (ends.size === 0) return
    await consumer.connect()
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) reject(payload.error)
    })
    // A batch of nothing but control records is handed to nobody.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      const end = ends.get(payload.partition)
      if (end !== undefined && BigInt(payload.lastOffset) + 1n >= end)
        ends.delete(payload.partition)
      if (ends.size === 0) resolve()
    })
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { partition, messages } }) => {
        const end = ends.get(partition)
        try {
          for (const message of messages)
            if (end !== undefined && BigInt(message.offset) < end)
              await visit({ ...message, partition })
        } catch (error) {
          // The client would hand over the same batch for ever.
          reject(error)
        }
      },
    })
    await done
  } finally {
    await consumer.disconnect()
    await admin.deleteGroups([groupId]).catch(() => {})
    await admin.disconnect()
  }
}
