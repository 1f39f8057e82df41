import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseBatchHeaders } from '../infra/contract/batch.ts'
import type { KafkaOptions } from '../infra/kafka/options.ts'
import { FlamewatchError } from '../infra/runtime/errors.ts'
import type { Lifecycle } from '../infra/runtime/lifecycle.ts'
import type { Log } from '../infra/runtime/log.ts'
import type { Metrics } from '../infra/runtime/metrics.ts'
import { BackOff } from './back-off.ts'
import { BatchWorker } from './batch/batch-worker.ts'
import { splitBody } from './batch/split-body.ts'
import { CatchUpPace } from './catch-up-pace.ts'
import type { CollectorMetrics } from './collector-metrics.ts'
import { createCollectorMetrics } from './collector-metrics.ts'
import { HttpPublisher } from './http-publisher.ts'
import { openSampler } from './kernel/sampler.ts'
import type { CollectorOptions } from './options.ts'
import type { Publisher } from './publisher.ts'
import type { Right } from './rights.ts'
import { explainMissing, grantLine, lostRights } from './rights.ts'
import { chooseSampling } from './sampling-choice.ts'
import { SelfControl } from './self-control.ts'
import { Sender } from './sender.ts'
import type { SpooledBatch, SpoolPart } from './spool/spool.ts'
import { Spool } from './spool/spool.ts'
import { findLineTool, type LineTool } from './symbolize/lines/line-tool.ts'
import { LINE_TOOLS } from './symbolize/lines/line-tool-names.ts'
import { WindowLoop } from './window-loop.ts'

export { serveMetrics } from './metrics-server.ts'

export type CollectContext = {
  readonly log: Log
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
  /** For a person at the terminal, one line. */
  readonly tell: (line: string) => void
}

// A stop waits so long for the server to take what is left; the rest is sent after the next start.
const FLUSH_MS = 3_000
const FIRST_RETRY_MS = 1_000
const MAX_RETRY_MS = 60_000
// Of a message's size: key, headers (notes and account are the most of them), Kafka's own.
const HEADER_BYTES = 64 << 10

/**
 * Samples this machine. Resolves when sampling has begun; it goes on until the lifecycle closes, which
 * delivers the window that is open. Throws a FlamewatchError that says why this machine may not be
 * sampled (openSampler) or `spool` when the spool cannot be used.
 */
export async function collect(
  options: CollectorOptions & KafkaOptions,
  context: CollectContext,
): Promise<void> {
  const { log, lifecycle } = context
  const sampling = chooseSampling(options)
  const missing = lostRights()
  // Of kernel names the batches that have kernel frames tell themselves.
  const notes = missing.filter(({ capability }) => capability !== 'CAP_SYSLOG').map(explainMissing)
  const metrics = createCollectorMetrics(context.metrics)
  const publisher = await createPublisher(options, log)
  const spool = await openSpool(options, log, metrics)
  const settings = {
    host: options.host,
    hostRoot: options.hostRoot,
    lineTool: chooseLineTool(options.lines, log),
    symbolCacheBytes: options.symbolCacheBytes,
    unwindTableBytes: options.unwindTableBytes,
    maxMemoryBytes: options.maxMemory,
    limits: {
      rawBytes: options.batchBytes,
      bodyBytes: options.kafkaBrokers ? options.kafkaMessageBytes - HEADER_BYTES : Infinity,
    },
    logLevel: log.level,
  }
  const worker = new BatchWorker(settings, log)
  const sampler = await openSampler({
    frequencyHz: options.frequency,
    log,
    unwind: options.unwind,
    ...sampling,
    onProcess: (process) => worker.see(process),
    onUnknownAddress: (process) => worker.see(process, true),
  }).catch(async (error: unknown) => {
    await worker.close()
    await spool.close()
    throw error
  })
  tellMissing(missing, context)
  if (sampler.unwindFds) worker.unwindBy(sampler.unwindFds)
  const sender = new Sender({
    queue: spool,
    publisher,
    pace: new CatchUpPace({ factor: options.catchUp }),
    split: splitBatch,
    backOff: new BackOff({ firstMs: FIRST_RETRY_MS, maxMs: MAX_RETRY_MS }),
    log,
    onResult: metrics.countPublished,
    sleep,
  })
  let tableBytes = 0
  const control = new SelfControl({
    ...{ maxMemoryBytes: options.maxMemory, maxCpuPercent: options.maxCpu },
    ...{ frequencyHz: options.frequency, windowMs: options.window, log },
    symbolCacheBytes: options.symbolCacheBytes,
    unwindTableBytes: options.unwindTableBytes,
    kernelBytes: () => sampler.cost().mapBytes + tableBytes,
    setFrequency: (hertz) => sampler.setFrequency(hertz),
    setBudget: (budget) => worker.keepWithin(budget),
    show: metrics.showCeilings,
  })
  const loop = new WindowLoop({
    source: sampler,
    worker,
    sink: spool,
    notes: () => [...notes, ...control.notes()],
    host: options.host,
    windowMs: options.window,
    log,
    metrics,
    sleep,
    onHealth: reportHealth,
    onBatch(batch) {
      tableBytes = batch?.unwind?.bytes ?? tableBytes
      control.endWindow()
      metrics.showSpool(spool)
      metrics.showSampler(sampler.cost())
      sender.wake()
    },
  })
  const stop = new AbortController()
  const running = loop.run(stop.signal)
  sender.start()
  lifecycle.add('collector', {
    async close() {
      stop.abort()
      await running
      await worker.close()
      await sampler.close()
      await sender.close(FLUSH_MS)
      await spool.close()
    },
  })
  log.info({ host: options.host, to: destination(options), notes: sampler.notes }, 'sampling')
}

/** Where batches go, for people. */
export function destination(options: CollectorOptions & KafkaOptions): string {
  const { kafkaBrokers, kafkaTopic, server } = options
  return kafkaBrokers ? `${kafkaTopic} at ${kafkaBrokers.join(', ')}` : server.href
}

async function createPublisher(
  options: CollectorOptions & KafkaOptions,
  log: Log,
): Promise<Publisher> {
  const { server, token } = options
  if (!options.kafkaBrokers) return new HttpPublisher({ server, token })
  // Of no use to a collector that sends by HTTP: 8 MB.
  const { KafkaPublisher } = await import('./kafka-publisher.ts')
  return KafkaPublisher.create(options, log)
}

async function splitBatch({ headers, body }: SpooledBatch): Promise<readonly SpoolPart[]> {
  const parsed = parseBatchHeaders((name) => headers[name])
  if (parsed.kind === 'fault') return []
  return splitBody(body, parsed.headers.account)
}

/** What this host can do, found by trying; nothing stays loaded. */
export async function describeHost(
  options: CollectorOptions,
  format: 'table' | 'json',
): Promise<{ readonly lines: readonly string[]; readonly canSample: boolean }> {
  const { reportHost } = await import('./host-report.ts')
  const { renderReport } = await import('./host-report-text.ts')
  const report = await reportHost(options)
  return {
    lines: format === 'json' ? [JSON.stringify(report, null, 2)] : renderReport(report),
    canSample: report.sampling.possible,
  }
}

function tellMissing(missing: readonly Right[], { log, tell }: CollectContext): void {
  if (missing.length === 0) return
  log.info({ capabilities: missing.map(({ capability }) => capability) }, 'rights missing')
  for (const right of missing) tell(explainMissing(right))
  tell(`all rights it can use, and no others: ${grantLine()}`)
}

function chooseLineTool(how: CollectorOptions['lines'], log: Log): LineTool | null {
  if (how === 'off') return null
  const names = how === 'auto' ? LINE_TOOLS : [how]
  const tool = findLineTool(names)
  if (tool !== null) return tool
  const hint = 'Install llvm or binutils, or leave --lines off.'
  if (how !== 'auto')
    throw new FlamewatchError('option_invalid', `--lines: ${how} is not installed.`, { hint })
  log.warn({ looked_for: names, hint }, 'no program to read source lines with')
  return null
}

function openSpool(options: CollectorOptions, log: Log, metrics: CollectorMetrics): Promise<Spool> {
  return Spool.open({
    directory: options.spool ?? defaultSpoolDirectory(),
    maxBytes: options.spoolBytes,
    maxAgeMs: options.spoolAge,
    log,
    onDrop(reason, samples) {
      metrics.countDropped(reason, samples)
      log.warn({ reason, samples }, 'samples dropped')
    },
  })
}

function defaultSpoolDirectory(): string {
  const isRoot = process.getuid?.() === 0
  return join(isRoot ? '/var/lib' : join(homedir(), '.local/state'), 'flamewatch/spool')
}

// To `flamewatch up`, which started this process and shows how it is.
function reportHealth(fault: string | null): void {
  process.send?.(
    fault === null
      ? { state: 'sampling' }
      : { state: 'failed', message: fault, hint: 'The collector goes on trying; see its log.' },
  )
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(Math.max(0, ms), undefined, { signal })
  } catch {
    // Aborted: what it waited for is over.
  }
}
