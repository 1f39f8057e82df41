import type { OptionValues } from '../runtime/options.ts'
import { defineOptions } from '../runtime/options.ts'
import { integer } from './options.ts'

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
})

export type TopicOptions = OptionValues<typeof topicOptions>
