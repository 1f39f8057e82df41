import type { Admin, Consumer, ConsumerConfig, LogEntry, Producer, SASLOptions } from 'kafkajs'
import kafkajs, { Kafka, logLevel, Partitioners } from 'kafkajs'
import { FlamewatchError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { createCodecs } from './codecs/codecs.ts'
import type { Credentials } from './credentials.ts'
import { readCredentials } from './credentials.ts'
import type { KafkaOptions } from './options.ts'
import './request-timer.ts'

// The one file that knows kafkajs (and request-timer.ts a fault of it): whatever replaces it one day replaces
// it here.

export type { Admin, Consumer, EachBatchPayload, PartitionAssigner, Producer } from 'kafkajs'
export { PartitionAssigners } from 'kafkajs'
// Not one of the names Node finds in a CommonJS module.
export const { ConfigResourceTypes } = kafkajs

const { CompressionTypes, CompressionCodecs } = kafkajs
const codecs = createCodecs(128 << 20)
CompressionCodecs[CompressionTypes.GZIP] = () => codecs.gzip
CompressionCodecs[CompressionTypes.Snappy] = () => codecs.snappy
CompressionCodecs[CompressionTypes.LZ4] = () => codecs.lz4
CompressionCodecs[CompressionTypes.ZSTD] = () => codecs.zstd

export type KafkaClient = {
  readonly topic: string
  /** Not yet connected, as are the two others. */
  producer(): Producer
  consumer(config: ConsumerConfig): Consumer
  admin(): Admin
}

const CONNECT_MS = 5_000
// A broker that took the request and does not answer is given up on after that.
const REQUEST_MS = 15_000

/** Throws `option_invalid` for what the options lack or a file that cannot be read. */
export async function createKafka(options: KafkaOptions, log: Log): Promise<KafkaClient> {
  if (options.kafkaBrokers === undefined)
    throw new FlamewatchError('option_invalid', 'No Kafka broker is given.', {
      hint: 'Give one or more with --kafka-brokers HOST:PORT.',
    })
  const credentials = await readCredentials(options)
  const kafka = new Kafka({
    brokers: [...options.kafkaBrokers],
    clientId: options.kafkaClientId,
    ssl: credentials.tls,
    ...login(options, credentials),
    connectionTimeout: CONNECT_MS,
    authenticationTimeout: CONNECT_MS,
    requestTimeout: REQUEST_MS,
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => write(log, entry),
  })
  return {
    topic: options.kafkaTopic,
    producer: () =>
      kafka.producer({
        // With one request at a time: several at once lost or reordered batches (kafkajs #598, #353).
        idempotent: true,
        maxInFlightRequests: 1,
        allowAutoTopicCreation: false,
        createPartitioner: Partitioners.DefaultPartitioner,
        // Who sends has a spool or an offset to try again from, for as long as it takes.
        retry: { retries: 3, initialRetryTime: 200 },
      }),
    consumer: (config) =>
      kafka.consumer({
        sessionTimeout: 30_000,
        heartbeatInterval: 3_000,
        rebalanceTimeout: 60_000,
        minBytes: 64 << 10,
        // stop() waits for the fetch that is under way.
        maxWaitTimeInMs: 500,
        maxBytes: 16 << 20,
        // Commits cost the same for 1 MB as for 10: 85-149 MB/s at 1 MB, 251-307 at 10.
        maxBytesPerPartition: 10 << 20,
        retry: { retries: 8 },
        allowAutoTopicCreation: false,
        ...config,
      }),
    admin: () => kafka.admin({ retry: { retries: 3, initialRetryTime: 200 } }),
  }
}

function login({ kafkaSasl }: KafkaOptions, { login }: Credentials): { sasl?: SASLOptions } {
  if (!login) return {}
  return { sasl: { mechanism: kafkaSasl, username: login.user, password: login.password } }
}

// What kafkajs calls an error it also throws, or tries again; whoever gets it says it once. What a
// consumer or its runner meets is thrown to nobody.
function write(log: Log, { namespace, level, log: entry }: LogEntry): void {
  const { message, timestamp: _, ...fields } = entry
  const isOwn = /^(Consumer|Runner)/.test(namespace)
  const at = isOwn && level <= logLevel.WARN ? 'warn' : 'debug'
  log[at]({ namespace, said: message, ...fields }, 'kafka client')
}
