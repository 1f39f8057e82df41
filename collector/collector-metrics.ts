import type { Counter } from 'prom-client'
import type { DropReason, StackFault } from '../infra/contract/account.ts'
import { DROP_REASONS, STACK_FAULTS } from '../infra/contract/account.ts'
import type { Metrics } from '../infra/runtime/metrics.ts'
import type { BuiltBatch, CacheName } from './batch/worker-messages.ts'
import type { Allowance, Usage } from './ceilings.ts'
import type { SamplerCost } from './kernel/sampler.ts'
import { UNWIND_ENDS } from './kernel/unwind-layout.ts'
import type { PublishResult } from './publisher.ts'
import type { UnwinderStats } from './unwind/unwinder.ts'
import type { SampleWindow } from './window.ts'

const SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]

export type CollectorMetrics = ReturnType<typeof createCollectorMetrics>

/**
 * What an operator of the collector watches; samples are counted as in the batches' accounts. No label
 * has values from outside. Documented in README.md, which a test holds against this.
 */
export function createCollectorMetrics(metrics: Metrics) {
  const samples = createSampleMetrics(metrics)
  const work = createWorkMetrics(metrics)
  const memory = createMemoryMetrics(metrics)
  const delivery = createDeliveryMetrics(metrics)
  return {
    ...delivery,
    ...createCeilingMetrics(metrics),
    countDropped: samples.countDropped,
    countFailure: work.countFailure,
    countDrained(window: SampleWindow, drainMs: number): void {
      samples.countDrained(window)
      work.countDrained(drainMs)
    },
    countBuilt(batch: BuiltBatch): void {
      samples.countBuilt(batch)
      work.countBuilt(batch)
      memory.showCaches(batch.cacheBytes)
      if (batch.unwind) memory.showTables(batch.unwind)
    },
    showSampler(cost: SamplerCost): void {
      samples.showSampler(cost)
      memory.showMaps(cost.mapBytes)
    },
  }
}

function createSampleMetrics(metrics: Metrics) {
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
  const faults = metrics.counter(
    'flamewatch_stack_faults_total',
    'Kept samples without a whole stack, by fault.',
    ['fault'],
  )
  const unwound = metrics.counter(
    'flamewatch_unwind_samples_total',
    'Samples by how the walk of their user stack by tables ended.',
    ['end'],
  )
  const overflowed = metrics.counter(
    'flamewatch_samples_overflowed_total',
    'Samples that came through the overflow ring because the stack map had no place; none is lost.',
  )
  const eventsLost = metrics.counter(
    'flamewatch_process_events_lost_total',
    'First samples of processes that the collector was not told of at once.',
  )
  const sideBandLost = metrics.counter(
    'flamewatch_side_band_lost_total',
    'Records of executed programs and mappings the kernel had no room for.',
  )
  // So that a rate is 0 before the first one, not unknown.
  for (const reason of Object.keys(DROP_REASONS)) dropped.inc({ reason }, 0)
  for (const fault of Object.keys(STACK_FAULTS)) faults.inc({ fault }, 0)
  const raiseOverflowed = raiser(overflowed)
  const raiseEventsLost = raiser(eventsLost)
  const raiseRecordsLost = raiser(sideBandLost)
  const raiseUnwound = UNWIND_ENDS.map((end) => [end, raiser(unwound, { end })] as const)

  return {
    countDrained(window: SampleWindow): void {
      for (const rows of [window, ...(window.beside ?? [])]) {
        taken.inc(rows.taken)
        idle.inc(rows.idle)
        filtered.inc(rows.filtered ?? 0)
        for (const [reason, n] of Object.entries(rows.dropped)) dropped.inc({ reason }, n)
      }
    },
    countBuilt({ parts, recordsLost }: BuiltBatch): void {
      raiseRecordsLost(recordsLost)
      for (const { account } of parts) {
        kept.inc(account.kept)
        dropped.inc({ reason: 'batch_too_large' }, account.dropped.batch_too_large ?? 0)
        for (const fault of Object.keys(account.faults) as StackFault[])
          faults.inc({ fault }, account.faults[fault] ?? 0)
      }
    },
    countDropped: (reason: DropReason, n: number) => dropped.inc({ reason }, n),
    showSampler(cost: SamplerCost): void {
      raiseOverflowed(cost.overflowed)
      raiseEventsLost(cost.eventsLost)
      for (const [end, raise] of raiseUnwound) raise(cost.unwindEnds[end])
    },
  }
}

function createWorkMetrics(metrics: Metrics) {
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
  const lineRuns = metrics.counter(
    'flamewatch_line_reads_total',
    'Runs of the program that reads source lines, one a file and window with new addresses, by result.',
    ['result'],
  )
  const lineSeconds = metrics.counter(
    'flamewatch_line_read_seconds_total',
    'Time spent waiting for it.',
  )
  const processes = metrics.gauge('flamewatch_processes', 'Processes known to the collector.')
  const failures = metrics.counter(
    'flamewatch_window_failures_total',
    'Windows that could not be drained or built.',
    ['step'],
  )
  for (const step of ['drain', 'build']) failures.inc({ step }, 0)

  return {
    countDrained: (drainMs: number) => drain.observe(drainMs / 1000),
    countBuilt(batch: BuiltBatch): void {
      for (const { body } of batch.parts) batchBytes.inc(body.length)
      symbolize.observe(batch.symbolizeMs / 1000)
      encode.observe(batch.encodeMs / 1000)
      for (const [result, n] of Object.entries(batch.lines?.runs ?? {})) lineRuns.inc({ result }, n)
      lineSeconds.inc((batch.lines?.ms ?? 0) / 1000)
      processes.set(batch.processes)
    },
    countFailure: (step: 'drain' | 'build') => failures.inc({ step }),
  }
}

function createMemoryMetrics(metrics: Metrics) {
  const cacheBytes = metrics.gauge(
    'flamewatch_cache_bytes',
    'Memory of symbols kept from window to window, by cache.',
    ['cache'],
  )
  const mapBytes = metrics.gauge(
    'flamewatch_bpf_map_bytes',
    'Kernel memory of the BPF maps, unwind tables not included.',
  )
  const tableBytes = metrics.gauge(
    'flamewatch_unwind_table_bytes',
    'Kernel memory of unwind tables.',
  )
  const tables = metrics.gauge('flamewatch_unwind_tables', 'Files that have an unwind table.')
  const queued = metrics.gauge(
    'flamewatch_unwind_tables_queued',
    'Files whose table is being made.',
  )
  const evicted = metrics.counter(
    'flamewatch_unwind_tables_evicted_total',
    'Tables taken away to make room for others.',
  )
  const missing = metrics.gauge(
    'flamewatch_unwind_tables_missing',
    'Files without a table, by reason: over_budget or refused.',
    ['reason'],
  )
  const mappingsLeft = metrics.gauge(
    'flamewatch_unwind_mappings_left',
    'Mappings of processes that have too many for their entry in the kernel.',
  )
  const raiseEvicted = raiser(evicted)

  return {
    showCaches(bytes: Readonly<Record<CacheName, number>>): void {
      for (const [cache, n] of Object.entries(bytes)) cacheBytes.set({ cache }, n)
    },
    showMaps: (bytes: number) => mapBytes.set(bytes),
    showTables(stats: UnwinderStats): void {
      tableBytes.set(stats.bytes)
      tables.set(stats.tables)
      queued.set(stats.queued)
      missing.set({ reason: 'over_budget' }, stats.overBudget)
      missing.set({ reason: 'refused' }, stats.refused)
      mappingsLeft.set(stats.mappingsLeft)
      raiseEvicted(stats.evicted)
    },
  }
}

function createDeliveryMetrics(metrics: Metrics) {
  const lag = metrics.gauge(
    'flamewatch_window_lag_seconds',
    'From the end of the last window until its batch was on disk.',
  )
  const spoolBytes = metrics.gauge('flamewatch_spool_bytes', 'Bytes waiting for the server.')
  const spoolBatches = metrics.gauge('flamewatch_spool_batches', 'Batches waiting for the server.')
  const oldest = metrics.gauge(
    'flamewatch_spool_oldest_seconds',
    'Age of the oldest window that waits for the server; 0 when none does.',
  )
  const publishes = metrics.counter(
    'flamewatch_publish_total',
    'Attempts to send a batch, by result.',
    ['result'],
  )

  return {
    countPublished: (result: PublishResult) => publishes.inc({ result: result.kind }),
    showSpool(spool: {
      readonly bytes: number
      readonly batches: number
      readonly oldestMs: number | null
    }): void {
      spoolBytes.set(spool.bytes)
      spoolBatches.set(spool.batches)
      oldest.set(spool.oldestMs === null ? 0 : Math.max(0, Date.now() - spool.oldestMs) / 1000)
    },
    showLag: (lagMs: number) => lag.set(lagMs / 1000),
  }
}

function createCeilingMetrics(metrics: Metrics) {
  const memory = metrics.gauge(
    'flamewatch_memory_bytes',
    'Memory of the collector: resident, BPF maps and unwind tables.',
  )
  const cpu = metrics.gauge(
    'flamewatch_cpu_cores',
    'Processor time of the collector in the last window, in cores.',
  )
  const frequency = metrics.gauge('flamewatch_frequency_hertz', 'Samples per second and CPU.')
  const steps = metrics.gauge(
    'flamewatch_ceiling_steps',
    'Steps the collector holds itself back to stay below a ceiling; 0 is none.',
    ['ceiling'],
  )

  return {
    showCeilings(usage: Usage, { frequencyHz, steps: taken }: Allowance): void {
      memory.set(usage.memoryBytes)
      cpu.set(usage.cpuPercent / 100)
      frequency.set(frequencyHz)
      for (const [ceiling, n] of Object.entries(taken)) steps.set({ ceiling }, n)
    },
  }
}

/** Brings a counter to a total that somebody else keeps; of a total that began anew, to that. */
function raiser<L extends string>(counter: Counter<L>, labels?: Record<L, string>) {
  let before = 0
  if (labels) counter.inc(labels, 0)
  return (total: number) => {
    const since = total >= before ? total - before : total
    if (labels) counter.inc(labels, since)
    else counter.inc(since)
    before = total
  }
}
