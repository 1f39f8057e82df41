import type { ChildProcess } from 'node:child_process'
import { on } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { Profile } from 'pprof-format'
import { unaccounted } from '../../infra/contract/account.ts'
import { BatchSink, type SunkBatch } from '../fixtures/batch-sink.ts'
import { ControlGroup } from './control-group.ts'
import {
  FREQUENCY_HZ,
  MEASURED_MS,
  mapBytesOf,
  type ProfilerResult,
  peakBytesOf,
  programCostOf,
  StackShares,
  startIn,
  stop,
  tableBytes,
} from './profiler.ts'

const LAUNCHER = join(import.meta.dirname, '../../infra/cli/flamewatch.sh')
const WARM_UP_MS = 35_000

/** `flamewatch collect` as a user starts it, sending to a server that takes all. */
export class RunningCollector {
  readonly group = new ControlGroup()
  readonly sink = new BatchSink()
  readonly #directory = mkdtempSync(join(tmpdir(), 'flamewatch-bench-'))
  #child: ChildProcess | undefined

  get pid(): number {
    return this.#child?.pid ?? -1
  }

  async start(): Promise<void> {
    await this.sink.listen()
    const child = startIn(
      this.group,
      [
        ...['sh', LAUNCHER, 'collect', '--server', this.sink.url, '--frequency', `${FREQUENCY_HZ}`],
        ...['--spool', join(this.#directory, 'spool')],
      ],
      { ipc: true },
    )
    this.#child = child
    for await (const [report] of on(child, 'message', { close: ['exit'] })) {
      if (report.state === 'sampling') return
      if (report.state === 'failed')
        throw new Error(`the collector does not sample: ${report.message}`)
    }
    throw new Error('the collector ended before it sampled')
  }

  async close(): Promise<void> {
    if (this.#child) await stop(this.#child, 'SIGTERM')
    await this.sink.close()
    this.group.close()
    rmSync(this.#directory, { recursive: true })
  }
}

export async function measureFlamewatch(): Promise<ProfilerResult> {
  const tablesBefore = tableBytes()
  const collector = new RunningCollector()
  try {
    await collector.start()
    await setTimeout(WARM_UP_MS)
    const batches = new Set(collector.sink.batches.values())
    const cpu = collector.group.cpuSeconds()
    const cost = programCostOf(collector.pid)
    await setTimeout(MEASURED_MS)
    const cpuSeconds = collector.group.cpuSeconds() - cpu
    const after = programCostOf(collector.pid)
    const mapBytes = mapBytesOf(collector.pid) + tableBytes() - tablesBefore
    const shares = new StackShares()
    let missing = 0
    for (const batch of collector.sink.batches.values()) {
      missing += unaccounted(batch.headers.account)
      if (!batches.has(batch)) addStacks(batch, shares)
    }
    return {
      name: 'flamewatch',
      cpuSecondsPer10s: (cpuSeconds * 10_000) / MEASURED_MS,
      readingSecondsPer10s: null,
      peakBytes: peakBytesOf(collector.pid),
      mapBytes,
      kernelNsPerSample: (after.runNs - cost.runNs) / (after.runs - cost.runs),
      samples: shares.samples,
      wholeShare: shares.wholeShare,
      namedShare: shares.namedShare,
      unaccounted: missing,
    }
  } finally {
    await collector.close()
  }
}

function addStacks({ body }: SunkBatch, shares: StackShares): void {
  const profile = Profile.decode(gunzipSync(body))
  const text = (index: number | bigint) => profile.stringTable.strings[Number(index)] ?? ''
  const names = new Map(profile.function.map(({ id, name }) => [id, text(name)]))
  const frames = new Map(
    profile.location.map(({ id, line }) => [id, nameOf(names.get(line.at(-1)?.functionId ?? 0))]),
  )
  for (const { locationId, value } of profile.sample) {
    const stack = locationId.map((id) => frames.get(id) ?? '')
    // The mark under a stack that is not whole is no frame.
    const marked = stack.at(-1) === BROKEN ? stack.slice(0, -1) : stack
    const count = Math.round(Number(value[0]) / Number(profile.period))
    shares.add(marked, count)
  }
}

const BROKEN = '[broken stack]'

// `module+0x1234`, `[unknown]`, `[jit]` and the like are no names.
function nameOf(name = ''): string {
  if (name === BROKEN) return BROKEN
  return /\+0x[0-9a-f]+$|^\[.*\]$/.test(name) ? '' : name
}
