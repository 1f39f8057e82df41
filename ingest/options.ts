import { z } from 'zod'
import { defineOptions, type OptionValues } from '../infra/runtime/options.ts'

function integer(min: number, max: number) {
  return z
    .string()
    .regex(/^\d+$/, `expected an integer from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min).max(max))
}

export const ingestOptions = defineOptions({
  rawDays: {
    flag: '--raw-days <days>',
    schema: integer(1, 3650),
    default: '7',
    help: 'Days single profiles are kept: what questions about hosts and labels are answered from.',
  },
  rollupDays: {
    flag: '--rollup-days <days>',
    schema: integer(1, 3650),
    default: '90',
    help: 'Days sums over ten minutes are kept.',
  },
  ingestWorkers: {
    flag: '--ingest-workers <count>',
    schema: integer(1, 64),
    default: '1',
    help: 'Threads that scan profiles; one reads about 500 profiles of 300 stacks a second.',
  },
  maxBodyMb: {
    flag: '--max-body-mb <megabytes>',
    schema: integer(1, 256),
    default: '16',
    help: 'Largest body a client may send, as sent; four times as much when inflated.',
  },
})

/** Of `flamewatch ingest` where Kafka is between it and the collectors. */
export const consumerOptions = defineOptions({
  kafkaGroup: {
    flag: '--kafka-group <name>',
    schema: z.string().regex(/^[A-Za-z0-9._-]{1,200}$/, 'expected letters, digits, dots, _ and -'),
    default: 'flamewatch-ingest',
    help: 'Consumer group: processes with the same one share the partitions.',
  },
  kafkaLingerMs: {
    flag: '--kafka-linger-ms <ms>',
    schema: integer(0, 60_000),
    default: '2000',
    help: 'How long a message waits for others of its partition: few large inserts are cheaper than many small ones.',
  },
  kafkaSessionMs: {
    flag: '--kafka-session-ms <ms>',
    schema: integer(500, 600_000),
    default: '30000',
    help: 'A process the broker has not heard of for so long loses its partitions to the others; brokers take no less than 6,000 unless told to.',
  },
})

export type ConsumerOptions = OptionValues<typeof consumerOptions>

export type IngestOptions = OptionValues<typeof ingestOptions>
