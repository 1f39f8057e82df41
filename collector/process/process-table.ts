import type { Labels } from '../../infra/contract/labels.ts'
import { BoundedMap } from './bounded-map.ts'
import type { CgroupNames } from './cgroup-path.ts'
import type { ContainerNames } from './container-names.ts'
import type { ProcessFacts } from './process-labels.ts'
import { labelKernelThread, labelProcess, labelUnseen, renameProcess } from './process-labels.ts'
import type { ProcessIdentity } from './process-reader.ts'

// A host has some hundred processes at a time; the rest of these are the short-lived ones of a window.
const MAX_PROCESSES = 4_096
// Programs a process executed one after another within a window: shells and runtimes do two or three.
const MAX_IMAGES = 4
// A window may wait for the one before it, and its processes with it.
const KEPT_WINDOWS = 2
const NS_PER_TICK = 10_000_000n // USER_HZ is 100 on every architecture we run on

/** One program a process ran. */
export type ProcessImage<M> = {
  readonly labels: Labels
  /** Name of its main thread when it was read. */
  readonly comm: string
  /** Null for a process that died before it could be read. */
  readonly mappings: M | null
}

export type ProcessSources<M> = {
  readonly identify: (pid: number) => ProcessIdentity | null
  readonly read: (pid: number, cgroupId: bigint) => ProcessFacts | null
  /** The same object as `previous` while nothing changed; null when they cannot be read. */
  readonly readMappings: (pid: number, previous: M | null) => M | null
  readonly cgroup: (id: bigint) => CgroupNames
  readonly container: (cgroup: CgroupNames) => ContainerNames | null
}

export type ProcessKey = {
  readonly tgid: number
  /** Ns since boot; 0 when the kernel could not tell. */
  readonly startTimeNs: bigint
}

export type SampledProcess = ProcessKey & {
  readonly cgroupId: bigint
  /** Of the sampled thread. */
  readonly comm: string
  readonly kernelThread: boolean
}

type Entry<M> = {
  identity: ProcessIdentity
  /** Oldest first. */
  images: ProcessImage<M>[]
  /** Window in which it was looked at last. */
  window: number
}

/**
 * Labels and mappings of the sampled processes, read at their first sample (a short-lived process is
 * gone when the window is drained) and once more in every window in which they were sampled.
 */
export class ProcessTable<M> {
  readonly #sources: ProcessSources<M>
  readonly #host: string
  readonly #kernelRelease: string
  readonly #processes = new BoundedMap<string, Entry<M>>(MAX_PROCESSES)
  #window = 0
  // Of this window.
  #unseen = new Map<string, ProcessImage<M>>()

  constructor(sources: ProcessSources<M>, host: string, kernelRelease: string) {
    this.#sources = sources
    this.#host = host
    this.#kernelRelease = kernelRelease
  }

  get size(): number {
    return this.#processes.size
  }

  /** Called at a process's first sample, as soon as may be. False when it has died already. */
  see({ tgid, startTimeNs }: ProcessKey): boolean {
    const identity = this.#identify(tgid, startTimeNs)
    if (!identity) return false
    return this.#read(keyOf(tgid, startTimeNs), tgid, 0n, identity) !== undefined
  }

  beginWindow(): void {
    this.#window++
    this.#unseen = new Map()
  }

  /** The program to which a sample of this window belongs; the same object for the same program. */
  find(sampled: SampledProcess): ProcessImage<M> {
    if (sampled.kernelThread) return this.#findUnseen(sampled)
    const entry = this.#refresh(sampled, keyOf(sampled.tgid, sampled.startTimeNs))
    if (!entry) return this.#findUnseen(sampled)
    // A thread may have any name; where programs followed each other, the name tells which it was.
    const { images } = entry
    return (
      images.findLast(({ comm }) => comm === sampled.comm) ?? (images.at(-1) as ProcessImage<M>)
    )
  }

  /** Forgets the dead. */
  endWindow(): void {
    for (const [key, entry] of this.#processes) {
      if (entry.window > this.#window - KEPT_WINDOWS) continue
      const now = this.#sources.identify(Number.parseInt(key, 10))
      if (now?.startTicks !== entry.identity.startTicks) this.#processes.delete(key)
    }
  }

  /** Undefined for a process of which nothing is known and nothing can be read any more. */
  #refresh({ tgid, startTimeNs, cgroupId }: SampledProcess, key: string): Entry<M> | undefined {
    const known = this.#processes.get(key)
    if (known?.window === this.#window) return known
    if (known) known.window = this.#window
    const identity = this.#identify(tgid, startTimeNs)
    return identity ? (this.#read(key, tgid, cgroupId, identity) ?? known) : known
  }

  /** Null when it has died. */
  #identify(tgid: number, startTimeNs: bigint): ProcessIdentity | null {
    const identity = this.#sources.identify(tgid)
    if (!identity || startTimeNs === 0n) return identity
    return BigInt(identity.startTicks) === startTimeNs / NS_PER_TICK ? identity : null
  }

  #read(
    key: string,
    tgid: number,
    cgroupId: bigint,
    identity: ProcessIdentity,
  ): Entry<M> | undefined {
    const known = this.#processes.get(key)
    const last = known?.images.at(-1)
    const isSame = known !== undefined && known.identity.image === identity.image
    const image =
      isSame && last
        ? this.#updateImage(last, tgid, identity)
        : this.#readImage(tgid, cgroupId, identity)
    if (!image) return undefined
    const before = known?.images.slice(0, isSame ? -1 : MAX_IMAGES) ?? []
    const images = [...before, image].slice(-MAX_IMAGES)
    const entry = { identity, images, window: this.#window }
    this.#processes.set(key, entry)
    return entry
  }

  // What is loaded and mapped grows while a program runs, and it may change its name.
  #updateImage(image: ProcessImage<M>, tgid: number, { comm }: ProcessIdentity): ProcessImage<M> {
    const mappings = this.#sources.readMappings(tgid, image.mappings) ?? image.mappings
    if (mappings === image.mappings && comm === image.comm) return image
    const labels = comm === image.comm ? image.labels : renameProcess(image.labels, comm)
    return { labels, comm, mappings }
  }

  // What was read belongs to one program only when that program is still there afterwards.
  #readImage(tgid: number, cgroupId: bigint, identity: ProcessIdentity): ProcessImage<M> | null {
    const facts = this.#sources.read(tgid, cgroupId)
    const mappings = this.#sources.readMappings(tgid, null)
    const after = this.#sources.identify(tgid)
    if (!facts || after?.startTicks !== identity.startTicks || after.image !== identity.image)
      return null
    return { labels: labelProcess(facts, this.#host), comm: facts.comm, mappings }
  }

  #findUnseen({ comm, cgroupId, kernelThread }: SampledProcess): ProcessImage<M> {
    const key = kernelThread ? comm : `${cgroupId}/${comm}`
    const known = this.#unseen.get(key)
    if (known) return known
    const image = { labels: this.#labelUnseen(comm, cgroupId, kernelThread), comm, mappings: null }
    this.#unseen.set(key, image)
    return image
  }

  #labelUnseen(comm: string, cgroupId: bigint, kernelThread: boolean): Labels {
    if (kernelThread) return labelKernelThread(comm, this.#kernelRelease, this.#host)
    const cgroup = this.#sources.cgroup(cgroupId)
    return labelUnseen(comm, cgroup, this.#sources.container(cgroup), this.#host)
  }
}

function keyOf(tgid: number, startTimeNs: bigint): string {
  return `${tgid}:${startTimeNs}`
}
