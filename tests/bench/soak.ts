import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { unaccounted } from '../../infra/contract/account.ts'
import { compileFixture } from '../fixtures/programs/build.ts'
import { RunningCollector } from './flamewatch-profiler.ts'
import { startLoad } from './load.ts'
import type { Measurement } from './measurement.ts'
import { mapBytesOf, tableBytes } from './profiler.ts'

const EXECS_PER_SECOND = 10
const LOOKS = 12

/** Beside the load ten programs a second come and go: memory must stay flat and the account exact. */
export async function soak(durationMs: number): Promise<readonly Measurement[]> {
  const tablesBefore = tableBytes()
  const load = startLoad()
  const collector = new RunningCollector()
  const churn = new Churn()
  try {
    await collector.start()
    churn.start()
    const curve: { readonly seconds: number; readonly rss: number; readonly maps: number }[] = []
    const started = performance.now()
    let checked = 0
    let missing = 0
    for (let look = 1; look <= LOOKS; look++) {
      await setTimeout(Math.max(0, started + (durationMs * look) / LOOKS - performance.now()))
      const maps = mapBytesOf(collector.pid) + tableBytes() - tablesBefore
      curve.push({ seconds: (performance.now() - started) / 1000, rss: rssOf(collector.pid), maps })
      for (const [token, { headers }] of collector.sink.batches) {
        missing += Math.abs(unaccounted(headers.account))
        checked++
        // Their bytes are not needed here, and there may be hours of them.
        collector.sink.batches.delete(token)
      }
      const at = curve.at(-1)
      process.stderr.write(
        `  ${at?.seconds.toFixed(0)} s: RSS ${megabytes(at?.rss)}, maps ${megabytes(at?.maps)}, ${churn.started} programs\n`,
      )
    }
    const half = curve.slice(LOOKS / 2).map(({ rss, maps }) => rss + maps)
    const growth = (half.at(-1) ?? 0) - (half[0] ?? 0)
    return [
      { what: 'soak: programs started', value: churn.started, unit: '' },
      { what: 'soak: memory at the end', value: (half.at(-1) ?? 0) / 1e6, unit: 'MB' },
      {
        what: 'soak: growth in the second half',
        value: growth / 1e6,
        unit: 'MB',
        target: { atMost: 5 },
      },
      { what: 'soak: batches', value: checked, unit: '' },
      { what: 'soak: samples unaccounted for', value: missing, unit: '', target: { atMost: 0 } },
    ]
  } finally {
    churn.stop()
    await load.stop()
    await collector.close()
  }
}

class Churn {
  started = 0
  #timer: NodeJS.Timeout | undefined
  readonly #running = new Set<ChildProcess>()
  readonly #programs = [
    ...(['busy-fp', 'busy-nofp', 'busy-static'] as const).map((name) => [
      compileFixture(name),
      '50',
    ]),
    ['sh', '-c', 'for i in 1 2 3; do ls / >/dev/null; done'],
    ['python3', '-c', 'print(sum(range(100000)))'],
  ]

  start(): void {
    this.#timer = setInterval(() => this.#spawn(), 1000 / EXECS_PER_SECOND)
  }

  stop(): void {
    clearInterval(this.#timer)
    for (const child of this.#running) child.kill('SIGKILL')
  }

  #spawn(): void {
    const [command = '', ...args] = this.#programs[this.started++ % this.#programs.length] ?? []
    const child = spawn(command, args, { stdio: 'ignore' })
    this.#running.add(child)
    child.once('exit', () => this.#running.delete(child))
  }
}

function rssOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0)
}

function megabytes(bytes = 0): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
