import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, machine, release, totalmem } from 'node:os'
import { FlamewatchError } from '../infra/runtime/errors.ts'
import { silentLog } from '../infra/runtime/log.ts'
import { readKernelVersion } from './kernel/kernel-version.ts'
import { openSampler } from './kernel/sampler.ts'
import { OFF_CPU } from './kernel/sources/off-cpu.ts'
import type { CollectorOptions } from './options.ts'
import { findCgroupMounts } from './process/cgroup-mounts.ts'
import { ContainerMetadata } from './process/container-metadata.ts'
import { type HostFiles, hostFiles, type Reachability } from './process/host-files.ts'
import { grantLine, lostRights, missingRights, RIGHTS } from './rights.ts'
import { chooseSampling } from './sampling-choice.ts'

/** What this host can do: `flamewatch collect --dry-run`. JSON as it stands. */
export type HostReport = {
  readonly host: {
    readonly name: string
    readonly kernel: string
    readonly machine: string
    readonly cpus: number
    readonly memoryBytes: number
  }
  readonly sampling: Sampling
  readonly features: readonly Feature[]
  readonly rights: readonly HeldRight[]
  /** To type for all rights and no others; null when none is missing. */
  readonly grant: string | null
  /** `v1` where containers of v2 cannot be told, `none` where cgroups are not mounted. */
  readonly cgroups: 'v1' | 'v2' | 'v1 and v2' | 'none'
  /** Whose metadata of containers is on this host. */
  readonly containers: readonly {
    readonly name: string
    readonly directory: string
    readonly reach: Reachability
  }[]
  readonly memory: {
    /** Of this process, which holds no symbols yet. */
    readonly residentBytes: number
    /** Kernel memory of the maps; null where the program was not loaded. */
    readonly mapBytes: number | null
    readonly mostSymbolBytes: number
    readonly mostUnwindTableBytes: number
  }
}

export type Sampling =
  | {
      readonly possible: true
      readonly frequencyHz: number
      readonly unwind: 'tables' | 'frame-pointers'
      readonly notes: readonly string[]
    }
  | {
      readonly possible: false
      readonly code: string
      readonly message: string
      readonly hint: string | null
    }

export type Feature = {
  readonly name: string
  readonly available: boolean
  /** What it is good for. */
  readonly gives: string
}

export type HeldRight = {
  readonly capability: string
  readonly held: boolean
  /** What its lack costs on this host; null where nothing. */
  readonly lost: string | null
}

/**
 * Tries what collect() would do: the program is loaded, attached to every CPU and taken away again. No
 * sample is read, nothing is sent or written.
 */
export async function reportHost(options: CollectorOptions): Promise<HostReport> {
  const { sampling, mapBytes } = await trySampling(options)
  const missing = new Set(missingRights().map(({ capability }) => capability))
  const lost = new Set(lostRights().map(({ capability }) => capability))
  return {
    host: {
      name: options.host,
      kernel: release(),
      machine: machine(),
      cpus: availableParallelism(),
      memoryBytes: totalmem(),
    },
    sampling,
    features: findFeatures(hostFiles(), sampling.possible && (await canSampleWaits(options))),
    rights: RIGHTS.map(({ capability, lost: cost }) => ({
      capability,
      held: !missing.has(capability),
      lost: lost.has(capability) ? cost : null,
    })),
    grant: lost.size > 0 ? grantLine() : null,
    cgroups: cgroupVersion(),
    containers: new ContainerMetadata(hostFiles(options.hostRoot)).reach(),
    memory: {
      residentBytes: process.memoryUsage.rss(),
      mapBytes,
      mostSymbolBytes: options.symbolCacheBytes,
      mostUnwindTableBytes: options.unwindTableBytes,
    },
  }
}

type Trial = { readonly sampling: Sampling; readonly mapBytes: number | null }

async function trySampling(options: CollectorOptions): Promise<Trial> {
  const { frequency, unwind } = options
  try {
    const choice = chooseSampling(options)
    const sampler = await openSampler({
      ...{ frequencyHz: frequency, unwind, log: silentLog() },
      ...choice,
    })
    try {
      return {
        sampling: {
          possible: true,
          frequencyHz: frequency,
          unwind: sampler.unwindTables ? 'tables' : 'frame-pointers',
          notes: sampler.notes,
        },
        mapBytes: sampler.cost().mapBytes,
      }
    } finally {
      await sampler.close()
    }
  } catch (error) {
    if (!(error instanceof FlamewatchError)) throw error
    const { code, message, hint = null } = error
    return { sampling: { possible: false, code, message, hint }, mapBytes: null }
  }
}

/** By trying, too: it depends on types the kernel tells of. */
async function canSampleWaits({ frequency }: CollectorOptions): Promise<boolean> {
  try {
    const sources = [OFF_CPU]
    const sampler = await openSampler({ frequencyHz: frequency, sources, log: silentLog() })
    await sampler.close()
    return true
  } catch (error) {
    if (!(error instanceof FlamewatchError)) throw error
    return false
  }
}

const TRACE_EVENTS = ['/sys/kernel/tracing/events', '/sys/kernel/debug/tracing/events']
const STACK_DEPTH_LIMIT = '/proc/sys/kernel/perf_event_max_stack'

function findFeatures(files: HostFiles, hasWaits: boolean): Feature[] {
  const [major, minor] = readKernelVersion()
  const isSince = (wantMajor: number, wantMinor: number) =>
    major > wantMajor || (major === wantMajor && minor >= wantMinor)
  const hasSource = (name: string) => existsSync(`/sys/bus/event_source/devices/${name}/type`)
  return [
    {
      name: 'BTF',
      available: existsSync('/sys/kernel/btf/vmlinux'),
      gives: 'unwind tables; tells processes apart that had the same id',
    },
    {
      name: 'bpf_loop',
      available: isSince(5, 17),
      gives: 'unwind tables: whole stacks of programs without frame pointers (Linux 5.17)',
    },
    {
      name: 'stacks of 127 frames',
      available: Number(readFileSync(STACK_DEPTH_LIMIT, 'latin1')) >= 127,
      gives: 'deep stacks (sysctl kernel.perf_event_max_stack)',
    },
    {
      name: 'off-CPU',
      available: hasWaits,
      gives: 'profiles of what threads wait for (--off-cpu)',
    },
    {
      name: 'kprobes',
      available: hasSource('kprobe'),
      gives: 'profiles of kernel functions',
    },
    {
      name: 'uprobes',
      available: hasSource('uprobe'),
      gives: 'profiles of functions of programs',
    },
    {
      name: 'tracefs',
      available: TRACE_EVENTS.some((path) => files.reach(path) === 'readable'),
      gives: 'profiles of tracepoints by name',
    },
  ]
}

function cgroupVersion(): HostReport['cgroups'] {
  const mounts = findCgroupMounts()
  const hasV2 = mounts.some(({ hierarchy }) => hierarchy === 0)
  const hasV1 = mounts.some(({ hierarchy }) => hierarchy !== 0)
  if (hasV1) return hasV2 ? 'v1 and v2' : 'v1'
  return hasV2 ? 'v2' : 'none'
}
