import type { DropReason } from '../infra/contract/account.ts'
import type { Metrics } from '../infra/runtime/metrics.ts'
import type { BuiltBatch } from './batch/worker-messages.ts'
import type { PublishResult } from './publisher.ts'
import type { SampleWindow } from './window.ts'

const SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]

export type CollectorMetrics = ReturnType<typeof createCollectorMetrics>

/** What an operator of the collector watches; samples are counted as in the batches' accounts. */
export function createCollectorMetrics(metrics: Metrics) {
  const taken = metrics.counter('flamewatch_samples_taken_total', 'Samples the kernel took.')
  const filtered = metrics.counter(
    'flamewatch_samples_filtered_total',
    'Samples left out as --only-cgroup, --only-pid and --exclude-comm say.',
  )
  const idle = metrics.counter('flamewatch_samples_idle_total', 'Samples of the idle task.')
  const kept = metrics.counter('flamewatch_samples_kept_total', 'Samples put into batches.')
  const dropped = metrics.counter(
    'flamewatch_samples_dropped_total',
    'Samples lost, by reason; those of a lost batch were counted as kept before.',
    ['reason'],
  )
  const drain = metrics.histogram(
    'flamewatch_drain_seconds',
    'Time to read the kernel maps of a window.',
    SECONDS,
  )
  const symbolize = metrics.histogram(
    'flamewatch_symbolize_seconds',
    'Time to name the frames of a window.',
    SECONDS,
  )
  const encode = metrics.histogram(
    'flamewatch_encode_seconds',
    'Time to encode and compress the batch of a window.',
    SECONDS,
  )
  const batchBytes = metrics.counter(
    'flamewatch_batch_bytes_total',
    'Bytes of batches, compressed.',
  )
  const processes = metrics.gauge('flamewatch_processes', 'Processes known to the collector.')
  const failures = metrics.counter(
    'flamewatch_window_failures_total',
    'Windows that could not be drained or built.',
    ['step'],
  )
  const mapBytes = metrics.gauge('flamewatch_bpf_map_bytes', 'Kernel memory of the BPF maps.')
  const eventsLost = metrics.gauge(
    'flamewatch_process_events_lost',
    'First samples of processes that the collector was not told of, since its start.',
  )
  const recordsLost = metrics.gauge(
    'flamewatch_side_band_lost',
    'Records of executed programs and mappings the kernel had no room for, since the start.',
  )
  const spoolBytes = metrics.gauge('flamewatch_spool_bytes', 'Bytes waiting for the server.')
  const spoolBatches = metrics.gauge('flamewatch_spool_batches', 'Batches waiting for the server.')
  const publishes = metrics.counter(
    'flamewatch_publish_total',
    'Attempts to send a batch, by result.',
    ['result'],
  )

  return {
    countDrained(window: SampleWindow, drainMs: number): void {
      for (const rows of [window, ...(window.beside ?? [])]) {
        taken.inc(rows.taken)
        idle.inc(rows.idle)
        filtered.inc(rows.filtered ?? 0)
        for (const [reason, n] of Object.entries(rows.dropped)) dropped.inc({ reason }, n)
      }
      drain.observe(drainMs / 1000)
    },
    countBuilt(batch: BuiltBatch): void {
      for (const { account, body } of batch.parts) {
        kept.inc(account.kept)
        batchBytes.inc(body.length)
        dropped.inc({ reason: 'batch_too_large' }, account.dropped.batch_too_large ?? 0)
      }
      symbolize.observe(batch.symbolizeMs / 1000)
      encode.observe(batch.encodeMs / 1000)
      processes.set(batch.processes)
      recordsLost.set(batch.recordsLost)
    },
    countFailure: (step: 'drain' | 'build') => failures.inc({ step }),
    countDropped: (reason: DropReason, samples: number) => dropped.inc({ reason }, samples),
    countPublished: (result: PublishResult) => publishes.inc({ result: result.kind }),
    showSampler(cost: { readonly mapBytes: number; readonly eventsLost: number }): void {
      mapBytes.set(cost.mapBytes)
      eventsLost.set(cost.eventsLost)
    },
    showSpool(spool: { readonly bytes: number; readonly batches: number }): void {
      spoolBytes.set(spool.bytes)
      spoolBatches.set(spool.batches)
    },
  }
}
