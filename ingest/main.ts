import type { OpenAPIHono } from '@hono/zod-openapi'
import { createKafka, type KafkaClient } from '../infra/kafka/client.ts'
import { explainKafkaError } from '../infra/kafka/fault.ts'
import { deadTopic, type KafkaOptions } from '../infra/kafka/options.ts'
import { requireTopic } from '../infra/kafka/topics.ts'
import { createApi } from '../infra/runtime/api.ts'
import type { FlamewatchError } from '../infra/runtime/errors.ts'
import type { Log } from '../infra/runtime/log.ts'
import type { Metrics } from '../infra/runtime/metrics.ts'
import type { Store } from '../infra/store/store.ts'
import { BatchIntake, type BatchResult } from './batch-intake.ts'
import type { IncomingBatch } from './batch-reader.ts'
import { addBatchDoor } from './doors/batches.ts'
import { BodyReader } from './doors/body.ts'
import { addProfileDoor } from './doors/profiles.ts'
import { KafkaConsumer } from './kafka/consumer.ts'
import { createKafkaMetrics } from './kafka/kafka-metrics.ts'
import { Ledger } from './ledger.ts'
import { PROFILE_LIMITS } from './limits.ts'
import { createIngestMetrics, observeScan } from './metrics.ts'
import type { ConsumerOptions, IngestOptions } from './options.ts'
import { PushIntake } from './push-intake.ts'
import { ScanPool } from './scan-pool.ts'
import { Writer } from './writer.ts'

export type IngestDeps = {
  readonly store: Store
  readonly log: Log
  readonly metrics: Metrics
  readonly options: IngestOptions
  /** Unix ms; tests give their own. */
  readonly now?: () => number
}

export type Ingest = {
  /** The doors: POST /api/v1/batches and POST /api/v1/profiles. */
  readonly app: OpenAPIHono
  /** Many batches at once in few inserts, by the path the door takes. */
  write(batches: readonly IncomingBatch[]): Promise<BatchResult[]>
  /** Takes batches from Kafka, too. Throws `kafka_*` when that cannot begin. */
  consume(options: KafkaOptions & ConsumerOptions): Promise<Consuming>
  close(): Promise<void>
}

export type Consuming = {
  /** Rejects when it has come to an end that only a new process gets over. */
  readonly died: Promise<never>
  /** Rejects while it has no part in the consumer group. */
  ready(): Promise<void>
  /** Finishes what is in hand. Before the ingest it belongs to. */
  close(): Promise<void>
}

// Ten times what the largest profile the limits allow was seen to take.
const SCAN_TIMEOUT_MS = 20_000

// Of one partition, as sent: about 200 batches of 40 kB, which scanned take 40 MB.
const GROUP_BYTES = 8 * 1024 * 1024
const GROUP_MESSAGES = 2_000

/** Takes profiles in and puts rows out. */
export function createIngest({ store, log, metrics, options, now = Date.now }: IngestDeps): Ingest {
  const maxBodyBytes = options.maxBodyMb * 1024 * 1024
  const ingestMetrics = createIngestMetrics(metrics)
  const pool = new ScanPool({
    workers: options.ingestWorkers,
    limits: { ...PROFILE_LIMITS, inflatedBytes: maxBodyBytes * 4 },
    timeoutMs: SCAN_TIMEOUT_MS,
    log,
    observe: (answer) => observeScan(ingestMetrics, answer),
  })
  const writer = new Writer({
    store,
    retention: { rawDays: options.rawDays, rollupDays: options.rollupDays },
    observeMs: (ms) => ingestMetrics.insertMs.observe(ms),
  })
  const ledger = new Ledger(store)
  const batches = new BatchIntake({ pool, writer, ledger, metrics: ingestMetrics, now })
  const pushes = new PushIntake({ pool, writer, metrics: ingestMetrics, now })
  const bodies = new BodyReader(maxBodyBytes)
  const app = createApi()
  addBatchDoor(app, batches, bodies)
  addProfileDoor(app, pushes, bodies, now)

  async function consume(kafka: KafkaOptions & ConsumerOptions): Promise<Consuming> {
    const kafkaLog = log.child({ part: 'kafka' })
    const explain = (error: unknown) => explainKafkaError(error, kafka)
    const client = await createKafka(kafka, kafkaLog)
    await requireTopics(client, explain)
    const consumer = new KafkaConsumer({
      ...{ client, ledger, pool, writer, ingestMetrics, explain, now, log: kafkaLog },
      group: kafka.kafkaGroup,
      sessionMs: kafka.kafkaSessionMs,
      limits: { bytes: GROUP_BYTES, messages: GROUP_MESSAGES, lingerMs: kafka.kafkaLingerMs },
      metrics: createKafkaMetrics(metrics),
    })
    await consumer.start()
    return consumer
  }

  return {
    app,
    write: (incoming) => batches.write(incoming),
    consume,
    close: () => pool.close(),
  }
}

/** Both topics are there, or the error says what to type. */
async function requireTopics(
  client: KafkaClient,
  explain: (error: unknown) => FlamewatchError,
): Promise<void> {
  const admin = client.admin()
  try {
    await admin.connect()
    await requireTopic(admin, client.topic)
    await requireTopic(admin, deadTopic(client.topic))
  } catch (error) {
    throw explain(error)
  } finally {
    await admin.disconnect()
  }
}
