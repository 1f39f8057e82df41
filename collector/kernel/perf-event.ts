import { readFileSync } from 'node:fs'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { openPerfEvent } from './libc.ts'

// struct perf_event_attr, PERF_ATTR_SIZE_VER5. The software CPU clock is a timer of the kernel: it
// works in virtual machines and needs no hardware counter.
const ATTRIBUTES_BYTES = 112
const TYPE_SOFTWARE = 1
const FREQUENCY_FLAG = 1n << 10n

/**
 * A perf event of the CPU clock for every process on `cpu`; null when that CPU is offline. Throws
 * `not_privileged` or `perf_event`.
 */
export function openCpuClock(cpu: number, frequencyHz: number): number | null {
  const attributes = Buffer.alloc(ATTRIBUTES_BYTES)
  attributes.writeUInt32LE(TYPE_SOFTWARE, 0)
  attributes.writeUInt32LE(ATTRIBUTES_BYTES, 4)
  // config at 8 is 0: PERF_COUNT_SW_CPU_CLOCK
  attributes.writeBigUInt64LE(BigInt(frequencyHz), 16)
  attributes.writeBigUInt64LE(FREQUENCY_FLAG, 40)
  const fd = openPerfEvent(attributes, cpu)
  return fd >= 0 ? fd : explainPerfError(-fd, cpu)
}

const EPERM = 1
const EACCES = 13
const ENODEV = 19

/** Exported for its test: null where the CPU is gone, else throws. */
export function explainPerfError(errno: number, cpu: number): null {
  if (errno === ENODEV) return null
  if (errno === EPERM || errno === EACCES)
    throw new FlamewatchError(
      'not_privileged',
      `perf_event_open for CPU ${cpu}: permission denied (errno ${errno}).`,
      {
        hint: 'Run as root, or with CAP_BPF and CAP_PERFMON; in a container also allow perf_event_open.',
      },
    )
  throw new FlamewatchError('perf_event', `perf_event_open for CPU ${cpu}: errno ${errno}.`, {
    hint: 'The kernel needs CONFIG_PERF_EVENTS; `perf stat -e cpu-clock -a sleep 1` shows whether it works.',
  })
}

const ONLINE_CPUS = '/sys/devices/system/cpu/online'

export function readOnlineCpus(path = ONLINE_CPUS): number[] {
  return parseCpuList(readFileSync(path, 'latin1'))
}

/** The kernel's notation of a set of CPUs, such as `0-3,5`. Throws `kernel_error`. */
export function parseCpuList(text: string): number[] {
  const cpus: number[] = []
  for (const range of text.trim().split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range)
    if (!match)
      throw new FlamewatchError(
        'kernel_error',
        `Expected a list of CPUs such as 0-3,5, got ${JSON.stringify(text.slice(0, 100))}.`,
      )
    const first = Number(match[1])
    const last = Number(match[2] ?? first)
    for (let cpu = first; cpu <= last; cpu++) cpus.push(cpu)
  }
  return cpus
}
