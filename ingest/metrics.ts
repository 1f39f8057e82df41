import type { Metrics } from '../infra/runtime/metrics.ts'
import type { ScanAnswer } from './scan-worker.ts'

const MS_BUCKETS = [0.5, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000]

export type IngestMetrics = ReturnType<typeof createIngestMetrics>

export function createIngestMetrics(metrics: Metrics) {
  return {
    received: metrics.counter(
      'flamewatch_ingest_received_total',
      'Batches and pushed profiles by what became of them',
      ['door', 'result'],
    ),
    bytes: metrics.counter('flamewatch_ingest_bytes_total', 'Bytes of bodies as sent', ['door']),
    profiles: metrics.counter(
      'flamewatch_ingest_profiles_total',
      'Profiles stored: one per series and sample type',
      ['door'],
    ),
    samples: metrics.counter('flamewatch_ingest_samples_total', 'Stack and value pairs stored', [
      'door',
    ]),
    cut: metrics.counter(
      'flamewatch_ingest_cut_total',
      'Stacks and names that were cut to fit the limits',
      ['what'],
    ),
    scanMs: metrics.histogram(
      'flamewatch_ingest_scan_milliseconds',
      'Time a thread took to inflate and scan a profile',
      MS_BUCKETS,
    ),
    insertMs: metrics.histogram(
      'flamewatch_ingest_insert_milliseconds',
      'Time the store took for a group of profiles with their dictionaries',
      MS_BUCKETS,
    ),
  }
}

export function observeScan({ scanMs, cut }: IngestMetrics, answer: ScanAnswer): void {
  scanMs.observe(answer.scanMs)
  if (answer.result.kind === 'fault') return
  cut.inc({ what: 'stacks' }, answer.result.cut.stacks)
  cut.inc({ what: 'names' }, answer.result.cut.names)
}
