import type { ChildProcess } from 'node:child_process'
import { execFileSync, fork, spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { compileFixture } from '../fixtures/programs/build.ts'
import type { Measurement } from './measurement.ts'

export const name = 'collector'

const BUSY_PROCESSES = 50
const WARM_UP_MS = 30_000
const MEASURED_MS = 60_000
// What utime and stime of /proc/PID/stat count in.
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
const BPF_STATISTICS = '/proc/sys/kernel/bpf_stats_enabled'

/** What `flamewatch collect` costs beside 50 busy processes, at 99 Hz, sending to a server that takes all. */
export async function run(): Promise<readonly Measurement[]> {
  const spool = mkdtempSync(join(tmpdir(), 'flamewatch-bench-'))
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.end('{"duplicate":false,"profiles":0,"samples":0}'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const collector = await startCollector(`http://127.0.0.1:${port}`, spool)
  const statistics = readFileSync(BPF_STATISTICS, 'utf8')
  writeFileSync(BPF_STATISTICS, '1')
  const busy = Array.from({ length: BUSY_PROCESSES }, startBusy)
  try {
    await setTimeout(WARM_UP_MS)
    const before = readCost(collector.pid as number)
    const start = performance.now()
    await setTimeout(MEASURED_MS)
    const seconds = (performance.now() - start) / 1000
    const after = readCost(collector.pid as number)
    const samples = after.runs - before.runs
    return [
      {
        what: `CPU of the process, ${BUSY_PROCESSES} busy processes, 99 Hz, warm`,
        value: (100 * (after.cpuSeconds - before.cpuSeconds)) / seconds,
        unit: '% of a core',
        target: { atMost: 0.5 },
      },
      {
        what: 'CPU in the kernel per sample',
        value: (after.runNs - before.runNs) / samples / 1000,
        unit: 'µs',
        target: { atMost: 8 },
      },
      { what: 'samples a second', value: samples / seconds, unit: '/s' },
      {
        what: 'memory, RSS and BPF maps',
        value: (after.residentBytes + after.mapBytes) / 1e6,
        unit: 'MB',
        target: { atMost: 117 },
      },
      { what: 'of it BPF maps', value: after.mapBytes / 1e6, unit: 'MB' },
    ]
  } finally {
    writeFileSync(BPF_STATISTICS, statistics)
    for (const child of busy) child.kill('SIGKILL')
    collector.kill('SIGTERM')
    await once(collector, 'exit')
    server.close()
    rmSync(spool, { recursive: true })
  }
}

// Runs until its standard input is closed.
function startBusy(): ChildProcess {
  return spawn(compileFixture('busy-fp'), ['-'], { stdio: ['pipe', 'ignore', 'ignore'] })
}

async function startCollector(server: string, spool: string): Promise<ChildProcess> {
  const main = join(import.meta.dirname, '../../infra/cli/main.ts')
  const collector = fork(main, ['collect', '--server', server, '--spool', spool])
  for await (const [report] of on(collector, 'message', { close: ['exit'] })) {
    if (report.state === 'sampling') return collector
    if (report.state === 'failed')
      throw new Error(`the collector does not sample: ${report.message}`)
  }
  throw new Error('the collector ended before it sampled')
}

type Cost = {
  readonly cpuSeconds: number
  readonly residentBytes: number
  readonly mapBytes: number
  /** Runs of the sampling program, and nanoseconds in them. */
  readonly runs: number
  readonly runNs: number
}

function readCost(pid: number): Cost {
  // Fields 14 and 15 are utime and stime; the name in field 2 may hold spaces and brackets.
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  const [, rss = '0'] =
    /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  const held = readHeld(pid)
  const sum = (field: string) => held.reduce((total, fields) => total + (fields.get(field) ?? 0), 0)
  return {
    cpuSeconds: ticks / TICKS_PER_SECOND,
    residentBytes: Number(rss) * 1024,
    mapBytes: sum('memlock'),
    runs: sum('run_cnt'),
    runNs: sum('run_time_ns'),
  }
}

/** What the kernel says of each BPF program and map the process has open. */
function readHeld(pid: number): ReadonlyMap<string, number>[] {
  const held: Map<string, number>[] = []
  const seen = new Set<string>()
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    const text = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8')
    // One of them may be open twice.
    const [id] = /^(map_id|prog_id):.*$/m.exec(text) ?? []
    if (id === undefined || seen.has(id)) continue
    seen.add(id)
    held.push(
      new Map(
        text
          .split('\n')
          .map((line) => line.split(':\t'))
          .map(([k, v]) => [k as string, Number(v)]),
      ),
    )
  }
  return held
}
