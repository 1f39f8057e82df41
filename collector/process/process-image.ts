import type { Labels } from '../../infra/contract/labels.ts'
import type { CgroupNames } from './cgroup-path.ts'
import type { ContainerNames } from './container-names.ts'
import type { ProcessFacts } from './process-labels.ts'
import { labelProcess } from './process-labels.ts'
import type { ProcessIdentity } from './process-reader.ts'

/** One program a process ran. */
export type ProcessImage<M> = {
  readonly labels: Labels
  /** Name of its main thread when it was read. */
  readonly comm: string
  /** Null for a process that died before it could be read. */
  readonly mappings: M | null
  /** The thread's name is that of the executable, and the executable says what runs. */
  readonly isNamedByFile: boolean
}

export type ProcessSources<M> = {
  readonly identify: (pid: number) => ProcessIdentity | null
  readonly read: (pid: number, cgroupId: bigint) => ProcessFacts | null
  /** The same object as `previous` while nothing changed; null when they cannot be read. */
  readonly readMappings: (pid: number, previous: M | null) => M | null
  /** What the kernel told of a process, when it has ended; null for nothing. */
  readonly recall: (process: ProcessKey) => RecalledProcess<M> | null
  readonly cgroup: (id: bigint) => CgroupNames
  readonly container: (cgroup: CgroupNames) => ContainerNames | null
}

export type ProcessKey = {
  readonly tgid: number
  /** Ns since boot; 0 when the kernel could not tell. */
  readonly startTimeNs: bigint
}

/** `program` grows by 1 with each program the process executes; 0 when the kernel could not tell. */
export type ProgramKey = ProcessKey & { readonly program: number }

export type SampledProcess = ProgramKey & {
  readonly cgroupId: bigint
  /** Of the sampled thread. */
  readonly comm: string
  readonly kernelThread: boolean
}

export type RecalledProcess<M> = {
  /** Who forked it; 0 when that is not known. */
  readonly parent: number
  /** Ns since boot. */
  readonly forkedNs: bigint
  /** What it executed, oldest first. */
  readonly programs: readonly RecalledProgram<M>[]
}

export type RecalledProgram<M> = {
  readonly comm: string
  /** Base name of the file. */
  readonly executable: string | null
  readonly version: string | null
  readonly mappings: M
}

const MAX_COMM = 15 // bytes the kernel keeps of a thread's name

export function imageOf<M>(facts: ProcessFacts, mappings: M | null, host: string): ProcessImage<M> {
  const { comm, executable, entry } = facts
  const isNamedByFile = entry === null && executable?.slice(0, MAX_COMM) === comm
  return { labels: labelProcess(facts, host), comm, mappings, isNamedByFile }
}
