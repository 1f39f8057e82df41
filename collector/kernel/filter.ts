import { closeSync, openSync } from 'node:fs'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import type { BpfObject, Libbpf } from './libbpf.ts'
import { COMM_BYTES, MOST_EXCLUDED_COMMS, MOST_ONLY_PIDS, SETTINGS } from './sample-layout.ts'

/** Which tasks are sampled; what is left out is counted as filtered. Empty: all. */
export type SampleFilter = {
  /** Directory of a cgroup2 hierarchy: tasks in it and below. */
  readonly cgroup?: string
  /** Processes, with all their threads but without their children; as the host numbers them. */
  readonly pids?: readonly number[]
  /** Names of threads, as `ps -eLo comm` shows them. */
  readonly excludedComms?: readonly string[]
}

/** struct settings: to be set before the object is loaded. */
export function settingsOf(filter: SampleFilter, offCpuThresholdNs: number): Uint8Array {
  const settings = new DataView(new ArrayBuffer(SETTINGS.bytes))
  const flag = (at: number, isOn: boolean) => settings.setUint32(at, isOn ? 1 : 0, true)
  settings.setBigUint64(SETTINGS.offCpuThresholdNs, BigInt(offCpuThresholdNs), true)
  flag(SETTINGS.onlyCgroup, filter.cgroup !== undefined)
  flag(SETTINGS.onlyPids, (filter.pids?.length ?? 0) > 0)
  flag(SETTINGS.excludeComms, (filter.excludedComms?.length ?? 0) > 0)
  return new Uint8Array(settings.buffer)
}

/** Fills the maps of a filter: after the object was loaded, before there are samples. */
export function fillFilter({ tables }: Libbpf, object: BpfObject, filter: SampleFilter): void {
  const { cgroup, pids = [], excludedComms = [] } = filter
  atMost(pids, MOST_ONLY_PIDS, '--only-pid')
  atMost(excludedComms, MOST_EXCLUDED_COMMS, '--exclude-comm')
  const fill = (map: string, key: Uint8Array, value: Uint8Array) => {
    const result = tables.update(object.mapFd(map), key, value)
    if (result < 0) throw new FlamewatchError('kernel_error', `fill map ${map}: errno ${-result}`)
  }
  for (const pid of pids) fill('only_pids', word(pid), word(1))
  for (const comm of excludedComms) fill('excluded_comms', commBytes(comm), word(1))
  if (cgroup === undefined) return
  const fd = openDirectory(cgroup)
  try {
    const result = tables.update(object.mapFd('only_cgroup'), word(0), word(fd))
    if (result < 0) throw noCgroup(cgroup)
  } finally {
    closeSync(fd)
  }
}

function openDirectory(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    throw noCgroup(path, cause)
  }
}

function noCgroup(path: string, cause?: unknown): FlamewatchError {
  return new FlamewatchError(
    'option_invalid',
    `--only-cgroup: ${JSON.stringify(path)} is not a cgroup of the unified hierarchy (cgroup2).`,
    { hint: 'systemd-cgls and `cat /proc/PID/cgroup` (the line 0::) show what there is.', cause },
  )
}

function atMost(list: readonly unknown[], most: number, option: string): void {
  if (list.length <= most) return
  throw new FlamewatchError('option_invalid', `${option}: at most ${most}, got ${list.length}.`)
}

function word(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer)
}

/** As the kernel keeps it: cut, and NUL at the end. */
function commBytes(comm: string): Uint8Array {
  const bytes = new Uint8Array(COMM_BYTES)
  bytes.set(Buffer.from(comm).subarray(0, COMM_BYTES - 1))
  return bytes
}
