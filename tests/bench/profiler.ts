import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { ControlGroup } from './control-group.ts'
import type { Measurement } from './measurement.ts'

/** What one profiler cost and gave under the load; null where it cannot be had. */
export type ProfilerResult = {
  readonly name: string
  /** While it samples, once warm. */
  readonly cpuSecondsPer10s: number
  /** To make stacks with names of what it recorded in 10 s. */
  readonly readingSecondsPer10s: number | null
  readonly peakBytes: number
  readonly mapBytes: number | null
  readonly kernelNsPerSample: number | null
  readonly samples: number
  readonly wholeShare: number | null
  readonly namedShare: number | null
  /** Of the ticks there were: neither in a stack nor in a count of losses. */
  readonly unaccounted: number | null
  readonly note?: string
}

export const FREQUENCY_HZ = 99
export const MEASURED_MS = 20_000

export function toMeasurements(result: ProfilerResult): Measurement[] {
  const { name } = result
  const isOurs = name === 'flamewatch'
  const rows: (Measurement | null)[] = [
    {
      what: `${name}: CPU, warm`,
      value: 10 * result.cpuSecondsPer10s,
      unit: '% of a core',
      ...(isOurs && { target: { atMost: 0.5 } }),
    },
    maybe(`${name}: CPU to read 10 s`, result.readingSecondsPer10s, 's'),
    {
      what: `${name}: memory, peak RSS and BPF maps`,
      value: (result.peakBytes + (result.mapBytes ?? 0)) / 1e6,
      unit: 'MB',
      ...(isOurs && { target: { atMost: 117 } }),
    },
    maybe(`${name}: of it BPF maps`, perMillion(result.mapBytes), 'MB'),
    maybe(
      `${name}: in the kernel per sample`,
      result.kernelNsPerSample && result.kernelNsPerSample / 1000,
      'µs',
      isOurs ? { atMost: 8 } : undefined,
    ),
    { what: `${name}: samples`, value: result.samples, unit: '' },
    maybe(
      `${name}: whole user stacks`,
      percent(result.wholeShare),
      '%',
      isOurs ? { atLeast: 99 } : undefined,
    ),
    maybe(
      `${name}: frames with a name`,
      percent(result.namedShare),
      '%',
      isOurs ? { atLeast: 92 } : undefined,
    ),
    maybe(
      `${name}: samples unaccounted for`,
      result.unaccounted,
      '',
      isOurs ? { atMost: 0 } : undefined,
    ),
  ]
  return rows.filter((row) => row !== null)
}

function maybe(
  what: string,
  value: number | null,
  unit: string,
  target?: Measurement['target'],
): Measurement | null {
  return value === null ? null : { what, value, unit, ...(target && { target }) }
}

function percent(share: number | null): number | null {
  return share === null ? null : 100 * share
}

function perMillion(bytes: number | null): number | null {
  return bytes === null ? null : bytes / 1e6
}

/** Starts a command in a group, so that its CPU time is counted from its first instruction. */
export function startIn(
  group: ControlGroup,
  command: readonly string[],
  options: { readonly stdout?: 'ignore' | 'pipe'; readonly ipc?: boolean } = {},
): ChildProcess {
  return spawn('sh', ['-c', `${group.enter}; exec "$@"`, 'sh', ...command], {
    stdio: [
      'ignore',
      options.stdout ?? 'ignore',
      'inherit',
      ...(options.ipc ? ['ipc' as const] : []),
    ],
  })
}

export async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

export function peakBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0)
}

export function hasCommand(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0
}

/**
 * Kernel memory of the BPF maps a process has open. Those inside maps of maps, as unwind tables are, belong to
 * no descriptor: see tableBytes().
 */
export function mapBytesOf(pid: number): number {
  let bytes = 0
  for (const fields of readHeld(pid, 'map_id')) bytes += fields.get('memlock') ?? 0
  return bytes
}

/** Of all unwind tables on this machine; 0 where bpftool is not installed. */
export function tableBytes(): number {
  if (!hasCommand(BPFTOOL)) return 0
  const text = execFileSync(BPFTOOL, ['map', 'show', '-j'], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  const maps = JSON.parse(text) as readonly { name?: string; bytes_memlock?: number }[]
  return maps
    .filter(({ name }) => name === 'unwind')
    .reduce((sum, { bytes_memlock = 0 }) => sum + bytes_memlock, 0)
}

const BPFTOOL = '/usr/sbin/bpftool'

export type ProgramCost = { readonly runs: number; readonly runNs: number }

/** Runs of the BPF programs a process has open, and time in them (kernel.bpf_stats_enabled). */
export function programCostOf(pid: number): ProgramCost {
  const cost = { runs: 0, runNs: 0 }
  for (const fields of readHeld(pid, 'prog_id')) {
    cost.runs += fields.get('run_cnt') ?? 0
    cost.runNs += fields.get('run_time_ns') ?? 0
  }
  return cost
}

/** What the kernel says of each BPF object a process has open, once each. */
function readHeld(pid: number, id: 'map_id' | 'prog_id'): Iterable<ReadonlyMap<string, number>> {
  const held = new Map<number, ReadonlyMap<string, number>>()
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    const lines = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8').matchAll(/^(\w+):\s+(\d+)$/gm)
    const fields = new Map([...lines].map(([, key = '', value]) => [key, Number(value)]))
    const number = fields.get(id)
    if (number !== undefined) held.set(number, fields)
  }
  return held.values()
}

// Where threads begin, by name.
const STARTS =
  /^(_start|__clone3?|clone3?|start_thread|thread_start|__libc_start_call_main|ret_from_fork(_asm)?|runtime\.(goexit|rt0_go|mstart|clone)(\.abi0)?)$/

/** Names of a stack's frames, leaf first; '' where there is none. */
export class StackShares {
  samples = 0
  #whole = 0
  #frames = 0
  #named = 0

  add(names: readonly string[], count: number): void {
    this.samples += count
    this.#frames += count * names.length
    this.#named += count * names.filter((name) => name !== '').length
    if (STARTS.test(names.at(-1) ?? '')) this.#whole += count
  }

  get wholeShare(): number {
    return this.#whole / this.samples
  }

  get namedShare(): number {
    return this.#named / this.#frames
  }
}
