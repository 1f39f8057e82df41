import { readFileSync } from 'node:fs'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { openPerfEvent } from './libc.ts'

// struct perf_event_attr, PERF_ATTR_SIZE_VER5. The software CPU clock is a timer of the kernel: it
// works in virtual machines and needs no hardware counter.
const ATTRIBUTES_BYTES = 112
const TYPE_SOFTWARE = 1
const FREQUENCY_FLAG = 1n << 10n
const SAMPLE_TIME = 1n << 2n
const CLOCK_BOOTTIME = 7
/** mmap, comm, task, watermark, sample_id_all, mmap2, comm_exec, use_clockid. */
const SIDE_BAND_FLAGS = [8n, 9n, 13n, 14n, 18n, 23n, 24n, 25n].reduce(
  (all, bit) => all | (1n << bit),
  0n,
)
const BUILD_ID_FLAG = 1n << 34n // since 5.12

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

/**
 * A perf event that takes no samples and tells in its ring what processes on `cpu` fork, execute and map,
 * with the build id of each file where the kernel can tell it, and the time (CLOCK_BOOTTIME) at the end of
 * each record. Readable when `wakeBytes` are in the ring; null when that CPU is offline. Throws as
 * openCpuClock().
 */
export function openSideBand(cpu: number, wakeBytes: number): number | null {
  const attributes = Buffer.alloc(ATTRIBUTES_BYTES)
  attributes.writeUInt32LE(TYPE_SOFTWARE, 0)
  attributes.writeUInt32LE(ATTRIBUTES_BYTES, 4)
  // The CPU clock again, so that its count shows whether it still runs; without a period it costs nothing.
  attributes.writeBigUInt64LE(SAMPLE_TIME, 24)
  attributes.writeBigUInt64LE(SIDE_BAND_FLAGS | BUILD_ID_FLAG, 40)
  attributes.writeUInt32LE(wakeBytes, 48)
  attributes.writeInt32LE(CLOCK_BOOTTIME, 92)
  let fd = openPerfEvent(attributes, cpu)
  if (fd === -EINVAL) {
    attributes.writeBigUInt64LE(SIDE_BAND_FLAGS, 40)
    fd = openPerfEvent(attributes, cpu)
  }
  return fd >= 0 ? fd : explainPerfError(-fd, cpu)
}

const TYPE_TRACEPOINT = 2

/**
 * A perf event of a tracepoint, by its number in tracefs. Programs attached to it run on every CPU. Throws
 * `not_privileged` or `perf_event`.
 */
export function openTracepoint(id: number): number {
  const attributes = Buffer.alloc(ATTRIBUTES_BYTES)
  attributes.writeUInt32LE(TYPE_TRACEPOINT, 0)
  attributes.writeUInt32LE(ATTRIBUTES_BYTES, 4)
  attributes.writeBigUInt64LE(BigInt(id), 8)
  const [cpu = 0] = readOnlineCpus()
  const fd = openPerfEvent(attributes, cpu)
  if (fd >= 0) return fd
  explainPerfError(-fd, cpu)
  throw new FlamewatchError('perf_event', `CPU ${cpu} went offline.`, { retriable: true })
}

const EPERM = 1
const EACCES = 13
const ENODEV = 19
const EINVAL = 22

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
