import type { Labels } from '../../infra/contract/labels.ts'
import { BoundedMap } from './bounded-map.ts'
import { PastImages } from './past-images.ts'
import type {
  ProcessImage,
  ProcessKey,
  ProcessSources,
  ProgramKey,
  SampledProcess,
} from './process-image.ts'
import { imageOf } from './process-image.ts'
import { labelKernelThread, labelUnseen, renameProcess } from './process-labels.ts'
import type { ProcessIdentity } from './process-reader.ts'

// A host has some hundred processes at a time; the rest of these are the short-lived ones of a window.
const MAX_PROCESSES = 4_096
// Programs a process executed one after another within a window: shells and runtimes do two or three.
const MAX_IMAGES = 4
// A minute, with windows of 10 s: what a program unloaded and loaded in the same place is noticed then.
const REREAD_WINDOWS = 6
// One that is sampled again later is read again.
const KEPT_WINDOWS = 6
const NS_PER_TICK = 10_000_000n // USER_HZ is 100 on every architecture we run on

/** An image and the number its samples have. */
type Program<M> = { readonly number: number; readonly image: ProcessImage<M> }

type Entry<M> = {
  /** Null for one that was never read: what the kernel told of it is all there is. */
  readonly identity: ProcessIdentity | null
  /** Oldest first. */
  readonly programs: readonly Program<M>[]
  /** Windows in which it was sampled last, and read last. */
  sampledIn: number
  readIn: number
  /** Windows to wait for before it is read again for an address that is not mapped. */
  patience: number
  /** It has ended, and what the kernel told of its mappings is in here. */
  isComplete: boolean
}

/**
 * Labels and mappings of the sampled processes. They are read at a process's first sample, since a
 * short-lived one is gone when the window is drained; again when it executes another program; and
 * when an address is met that was not mapped then.
 */
export class ProcessTable<M> {
  readonly #sources: ProcessSources<M>
  readonly #host: string
  readonly #kernelRelease: string
  readonly #processes = new BoundedMap<string, Entry<M>>(MAX_PROCESSES)
  readonly #past: PastImages<M>
  #window = 0
  // Of this window, by cgroup and name: what was not seen alive, and versions of those that
  // were; null where there are several.
  #described = new Map<string, ProcessImage<M>>()
  #versions = new Map<string, string | null>()
  #versionsBefore: ReadonlyMap<string, string | null> = new Map()

  constructor(sources: ProcessSources<M>, host: string, kernelRelease: string) {
    this.#sources = sources
    this.#past = new PastImages(sources, host)
    this.#host = host
    this.#kernelRelease = kernelRelease
  }

  get size(): number {
    return this.#processes.size
  }

  /** Called at the first sample of a process or program, as soon as may be. False for a dead one. */
  see(run: ProgramKey): boolean {
    const identity = this.#identify(run.tgid, run.startTimeNs)
    if (!identity) return false
    this.#read({ ...run, cgroupId: 0n }, identity)
    return true
  }

  /** The program it runs, as last read; null when it is not known. */
  current({ tgid, startTimeNs }: ProcessKey): ProcessImage<M> | null {
    return this.#processes.get(keyOf(tgid, startTimeNs))?.programs.at(-1)?.image ?? null
  }

  isAlive({ tgid, startTimeNs }: ProcessKey): boolean {
    return this.#identify(tgid, startTimeNs) !== null
  }

  /** Those sampled in this window, by `tgid:startTimeNs`, with the mappings of what they run. */
  *sampled(): Generator<readonly [key: string, mappings: M | null]> {
    for (const [key, { sampledIn, programs }] of this.#processes)
      if (sampledIn === this.#window) yield [key, programs.at(-1)?.image.mappings ?? null]
  }

  beginWindow(): void {
    this.#window++
    this.#past.beginWindow()
    this.#described = new Map()
    this.#versionsBefore = this.#versions
    this.#versions = new Map()
  }

  /**
   * The program to which a sample of this window belongs; the same object for the same program. Null
   * for one that ended before it could be read, and of which the kernel told nothing: see describe().
   */
  find(sampled: SampledProcess): ProcessImage<M> | null {
    if (sampled.kernelThread) return this.describe(sampled)
    const key = keyOf(sampled.tgid, sampled.startTimeNs)
    const known = this.#processes.get(key)
    const entry = known && !this.#isDue(known, sampled) ? known : this.#refresh(key, sampled)
    if (entry) entry.sampledIn = this.#window
    const image = (entry && pickImage(entry, sampled)) ?? this.#recall(key, sampled)
    if (!image) return null
    if (image.isNamedByFile) this.#noteVersion(sampled, image)
    return image
  }

  /** As find(), after an address was met that the program's mappings did not have. */
  findAgain(sampled: SampledProcess): ProcessImage<M> | null {
    const key = keyOf(sampled.tgid, sampled.startTimeNs)
    const known = this.#processes.get(key)
    if (known && this.#window - known.readIn >= known.patience) {
      const entry = this.#refresh(key, sampled)
      // Stacks walked into nonsense have such addresses in every window.
      const isNew = mappingsOf(entry) !== mappingsOf(known)
      if (entry) entry.patience = isNew ? 1 : known.patience * 2
    }
    return this.find(sampled)
  }

  /**
   * What can be said of a process from what the kernel told. For one that was not seen alive, best
   * asked after find() was for all others of the window.
   */
  describe(sampled: SampledProcess): ProcessImage<M> {
    const { comm, cgroupId, kernelThread } = sampled
    const key = kernelThread ? comm : `${cgroupId}/${comm}`
    const known = this.#described.get(key)
    if (known) return known
    const labels = kernelThread
      ? labelKernelThread(comm, this.#kernelRelease, this.#host)
      : this.#labelUnseen(sampled, key)
    const image = { labels, comm, mappings: null, isNamedByFile: false }
    this.#described.set(key, image)
    return image
  }

  endWindow(): void {
    for (const [key, { sampledIn }] of this.#processes)
      if (sampledIn <= this.#window - KEPT_WINDOWS) this.#processes.delete(key)
  }

  #isDue({ readIn, programs }: Entry<M>, { startTimeNs, program }: SampledProcess): boolean {
    // It has executed another program since, and that was not told.
    if (isLater(program, programs.at(-1)?.number ?? 0)) return true
    // Where the kernel cannot tell processes of one pid apart, we must.
    return this.#window - readIn >= (startTimeNs === 0n ? 1 : REREAD_WINDOWS)
  }

  /** Undefined for a process of which nothing is known and nothing can be read any more. */
  #refresh(key: string, sampled: SampledProcess): Entry<M> | undefined {
    const identity = this.#identify(sampled.tgid, sampled.startTimeNs)
    if (identity) this.#read(sampled, identity)
    else this.#complete(key, sampled)
    const entry = this.#processes.get(key)
    if (entry) entry.readIn = this.#window
    return entry
  }

  /** A program that was over before it could be read, by what the kernel told; null for nothing. */
  #recall(key: string, sampled: SampledProcess): ProcessImage<M> | null {
    const images = this.#past.imagesOf(sampled)
    if (images.length === 0) return null
    const named = images.findLastIndex(({ comm }) => comm === sampled.comm)
    const own = named < 0 ? images.length - 1 : named
    // Executed one after another, they have one number after another.
    const recalled = images.map((image, i) => ({
      number: sampled.program === 0 ? 0 : (sampled.program + i - own) >>> 0,
      image,
    }))
    const known = this.#processes.get(key)
    const isKnown = ({ number }: Program<M>) =>
      number !== sampled.program && known?.programs.some((program) => program.number === number)
    const programs = [...(known?.programs ?? []), ...recalled.filter((p) => !isKnown(p))]
    this.#processes.set(key, {
      ...(known ?? { identity: null, isComplete: true, readIn: this.#window, patience: 1 }),
      programs: programs.sort((a, b) => (a.number - b.number) | 0).slice(-MAX_IMAGES),
      sampledIn: this.#window,
    })
    return images[own] ?? null
  }

  /** What a process that has ended mapped after it was read. */
  #complete(key: string, sampled: SampledProcess): void {
    const known = this.#processes.get(key)
    if (!known || known.isComplete) return
    known.isComplete = true
    const executed = this.#past.executedBy(sampled)
    const programs = known.programs.map(({ number, image }) => {
      // Labels that were read say more than the kernel's records.
      const same = executed.findLast(({ comm }) => comm === image.comm)
      return { number, image: same ? { ...image, mappings: same.mappings } : image }
    })
    this.#processes.set(key, { ...known, programs })
  }

  /** Null when it has died. */
  #identify(tgid: number, startTimeNs: bigint): ProcessIdentity | null {
    const identity = this.#sources.identify(tgid)
    if (!identity || startTimeNs === 0n) return identity
    return BigInt(identity.startTicks) === startTimeNs / NS_PER_TICK ? identity : null
  }

  #read(
    { tgid, startTimeNs, program, cgroupId }: ProgramKey & { readonly cgroupId: bigint },
    identity: ProcessIdentity,
  ): void {
    const key = keyOf(tgid, startTimeNs)
    const known = this.#processes.get(key)
    const last = known?.programs.at(-1)
    const isSameProcess = known?.identity?.startTicks === identity.startTicks
    const isSameProgram = isSameProcess && known?.identity?.image === identity.image
    const image =
      isSameProgram && last
        ? this.#updateImage(last.image, tgid, identity)
        : this.#readImage(tgid, cgroupId, identity)
    if (!image) return
    const before = isSameProcess ? (known?.programs ?? []) : []
    // A program that was still there after its process had a later number is that later one: the former
    // was over before it could be read.
    const number = isSameProgram && last && !isLater(program, last.number) ? last.number : program
    const kept = isSameProgram ? before.slice(0, -1) : before
    this.#processes.set(key, {
      identity,
      programs: [...kept, { number, image }].slice(-MAX_IMAGES),
      readIn: this.#window,
      sampledIn: this.#window,
      patience: 1,
      isComplete: false,
    })
  }

  // What is loaded and mapped grows while a program runs, and it may change its name.
  #updateImage(image: ProcessImage<M>, tgid: number, { comm }: ProcessIdentity): ProcessImage<M> {
    const mappings = this.#sources.readMappings(tgid, image.mappings) ?? image.mappings
    if (mappings === image.mappings && comm === image.comm) return image
    if (comm === image.comm) return { ...image, mappings }
    return { labels: renameProcess(image.labels, comm), comm, mappings, isNamedByFile: false }
  }

  // What was read belongs to one program only when that program is still there afterwards.
  #readImage(tgid: number, cgroupId: bigint, identity: ProcessIdentity): ProcessImage<M> | null {
    const facts = this.#sources.read(tgid, cgroupId)
    const mappings = this.#sources.readMappings(tgid, null)
    const after = this.#sources.identify(tgid)
    if (!facts || after?.startTicks !== identity.startTicks || after.image !== identity.image)
      return null
    return imageOf(facts, mappings, this.#host)
  }

  #noteVersion({ comm, cgroupId }: SampledProcess, image: ProcessImage<M>): void {
    if (comm !== image.comm) return
    const key = `${cgroupId}/${comm}`
    const version = image.labels['version'] as string
    const noted = this.#versions.get(key)
    this.#versions.set(key, noted === undefined || noted === version ? version : null)
  }

  // Of many short-lived processes of one program, those seen tell the version of those missed.
  #labelUnseen({ comm, cgroupId }: SampledProcess, key: string): Labels {
    const cgroup = this.#sources.cgroup(cgroupId)
    const container = this.#sources.container(cgroup)
    const version = this.#versions.get(key) ?? this.#versionsBefore.get(key) ?? null
    return labelUnseen({ comm, cgroup, container, version }, this.#host)
  }
}

/** Null for a program that was over before it could be read. */
function pickImage<M>(
  { programs }: Entry<M>,
  { program, comm }: SampledProcess,
): ProcessImage<M> | null {
  if (program !== 0) {
    const own = programs.findLast(({ number }) => number === program)
    if (own) return own.image
    // While it executes another, it has the name of that already (begin_new_exec in fs/exec.c).
    const next = programs.find(({ number }) => number === (program + 1) >>> 0)
    return next?.image.comm === comm ? next.image : null
  }
  // A thread may have any name; where programs followed each other, the name tells which it was.
  const named = programs.findLast(({ image }) => image.comm === comm) ?? programs.at(-1)
  return named?.image ?? null
}

/** Of two numbers of programs of a process, which wrap around. */
function isLater(program: number, other: number): boolean {
  return ((program - other) | 0) > 0
}

function mappingsOf<M>(entry: Entry<M> | undefined): M | null | undefined {
  return entry?.programs.at(-1)?.image.mappings
}

function keyOf(tgid: number, startTimeNs: bigint): string {
  return `${tgid}:${startTimeNs}`
}
