import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'

// The kernel's exact sum of CPU time. User and system time are guessed by ticks on most kernels: of a profiler
// that wakes for a moment they miss a tenth, of perf all.

const PLACES = [
  { root: '/sys/fs/cgroup/cpuacct', members: 'tasks', usage: readUsage1 },
  { root: '/sys/fs/cgroup', members: 'cgroup.procs', usage: readUsage2 },
]

let made = 0

/** A group of processes whose CPU time is counted; the shell that runs `enter` and what it starts are in it. */
export class ControlGroup {
  readonly #path: string
  readonly #place: (typeof PLACES)[number]

  constructor() {
    const place = PLACES.find(({ root, members }) => existsSync(join(root, members)))
    if (!place) throw new Error('CPU time is not counted: no cgroup hierarchy with it is mounted.')
    this.#place = place
    this.#path = join(place.root, `flamewatch-bench-${process.pid}-${made++}`)
    mkdirSync(this.#path)
  }

  get enter(): string {
    return `echo $$ > ${this.#path}/${this.#place.members}`
  }

  cpuSeconds(): number {
    return this.#place.usage(this.#path)
  }

  /** When its processes have ended. */
  close(): void {
    rmdirSync(this.#path)
  }
}

function readUsage1(path: string): number {
  return Number(readFileSync(`${path}/cpuacct.usage`, 'utf8')) / 1e9
}

function readUsage2(path: string): number {
  const [, micros = '0'] =
    /^usage_usec (\d+)$/m.exec(readFileSync(`${path}/cpu.stat`, 'utf8')) ?? []
  return Number(micros) / 1e6
}
