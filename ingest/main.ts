import type { OpenAPIHono } from '@hono/zod-openapi'
import { createApi } from '../infra/runtime/api.ts'
import type { Log } from '../infra/runtime/log.ts'
import type { Metrics } from '../infra/runtime/metrics.ts'
import type { Store } from '../infra/store/store.ts'
import { BatchIntake, type BatchResult, type IncomingBatch } from './batch-intake.ts'
import { addBatchDoor } from './doors/batches.ts'
import { BodyReader } from './doors/body.ts'
import { addProfileDoor } from './doors/profiles.ts'
import { Ledger } from './ledger.ts'
import { PROFILE_LIMITS } from './limits.ts'
import { createIngestMetrics, observeScan } from './metrics.ts'
import type { IngestOptions } from './options.ts'
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
  close(): Promise<void>
}

// Ten times what the largest profile the limits allow was seen to take.
const SCAN_TIMEOUT_MS = 20_000

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
  return {
    app,
    write: (incoming) => batches.write(incoming),
    close: () => pool.close(),
  }
}
