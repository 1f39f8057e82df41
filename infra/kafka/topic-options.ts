import { z } from 'zod'
import type { OptionValues } from '../runtime/options.ts'
import { defineOptions } from '../runtime/options.ts'

/** Of `flamewatch migrate --kafka`, and nobody else. */
export const topicOptions = defineOptions({
  kafkaPartitions: {
    flag: '--kafka-partitions <n>',
    schema: integer(1, 10_000),
    default: '12',
    help: 'Partitions of the topic: as many ingest processes can share the work at most.',
  },
  kafkaReplication: {
    flag: '--kafka-replication <n>',
    schema: integer(1, 15).optional(),
    help: 'Brokers that keep each message; 3, or all where there are fewer.',
  },
  kafkaRetention: {
    flag: '--kafka-retention <days>',
    schema: integer(1, 365),
    default: '7',
    help: 'Days a message is kept: as long as ingest can be away without a loss. Older batches are not accepted anyway.',
  },
  kafkaMessageBytes: {
    flag: '--kafka-message-bytes <bytes>',
    schema: integer(100_000, 100_000_000),
    default: '8388608',
    help: 'Largest message of the topic. Collectors split a batch that is larger.',
  },
})

export type TopicOptions = OptionValues<typeof topicOptions>

function integer(least: number, most: number) {
  const expected = `expected an integer from ${least} to ${most}`
  return z
    .string(expected)
    .regex(/^\d{1,9}$/, expected)
    .transform(Number)
    .pipe(z.number().min(least, expected).max(most, expected))
}
