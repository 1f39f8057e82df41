import { getPriority, setPriority } from 'node:os'
import { errorMessage, FlamewatchError } from '../../infra/runtime/errors.ts'
import type { Log } from '../../infra/runtime/log.ts'
import type { SampleWindow } from '../window.ts'
import { readFdinfo } from './fdinfo.ts'
import { fillFilter, type SampleFilter } from './filter.ts'
import { Generation, type Reading } from './generation.ts'
import { GenerationSwitch } from './generation-switch.ts'
import { isKernelThread } from './kernel-thread.ts'
import { type BpfObject, type Libbpf, loadLibbpf } from './libbpf.ts'
import { type MapSizes, mapSizes } from './map-sizes.ts'
import { OverflowRing } from './overflow-ring.ts'
import { readOnlineCpus } from './perf-event.ts'
import { checkPidNamespace, checkPrivileges } from './preflight.ts'
import { ProcessEvents, type SampledProcess } from './process-events.ts'
import { BESIDE_MAPS, type LoadedProgram, loadProgram, type UnwindMode } from './program.ts'
import { ProgramRuns, type Runs } from './program-runs.ts'
import { ReadingPace } from './reading-pace.ts'
import type { SampleStats } from './sample-layout.ts'
import { SampleStatsReader } from './sample-stats.ts'
import { settleAccount } from './settle-account.ts'
import { Slices } from './slices.ts'
import { cpuClock } from './sources/cpu-clock.ts'
import type { ProgramName, SampleSource } from './sources/source.ts'
import { SourceSet } from './sources/source-set.ts'
import { UNWIND_ENDS, type UnwindEnd, type UnwindFds, type UnwindTables } from './unwind-layout.ts'
import { UnwindMaps } from './unwind-maps.ts'
import { WindowBuilder } from './window-builder.ts'

export type SamplerOptions = {
  /** Samples per second and CPU. */
  readonly frequencyHz: number
  readonly log: Log
  /** Called soon after the first sample of a process, and again after it executed another program. */
  readonly onProcess?: (process: SampledProcess) => void
  /** As `ProcessListener` has it. */
  readonly onUnknownAddress?: (process: SampledProcess) => void
  /** How to walk user stacks; default frame pointers, as where the kernel does not allow tables. */
  readonly unwind?: UnwindMode
  /** Sources of samples beside the CPU clock. */
  readonly sources?: readonly SampleSource[]
  /** Waits shorter than this are no samples, where there is a source of waits; 1 ms. */
  readonly offCpuThresholdNs?: number
  readonly filter?: SampleFilter
  /** Use the program for kernels without BTF. */
  readonly forceNoBtf?: boolean
  /** Where the compiled objects are; default: bpf/. */
  readonly objectDirectory?: string
  /** Default: from CPUs and frequency. */
  readonly sizes?: MapSizes
  /** Name or path of the shared library. */
  readonly libbpf?: string
  /** Nice value of the main thread while sampling, so that a busy host does not starve it; -15. */
  readonly niceness?: number
}

/** That of the program of the CPU clock, and what the sampler needed beside. */
export type SamplerCost = Runs & {
  /** Of every program. */
  readonly programs: ReadonlyMap<ProgramName, Runs>
  /** Kernel memory of all maps. */
  readonly mapBytes: number
  readonly verifiedInstructions: number
  /** Wall time of reading the maps so far, the grace periods not included. */
  readonly readMs: number
  readonly readings: number
  /** Samples that came through the overflow ring, because both buckets of a stack were taken. */
  readonly overflowed: number
  /** First samples the collector was not told of, because the ring was full. */
  readonly eventsLost: number
  /** Samples by how the walk of their user stack ended; all 0 without tables. */
  readonly unwindEnds: Readonly<Record<UnwindEnd, number>>
}

export interface Sampler {
  /** What users must know of these samples, one sentence each. */
  readonly notes: readonly string[]
  /** To be filled, where user stacks are walked by tables. */
  readonly unwindTables: UnwindTables | null
  /** The same for another thread. */
  readonly unwindFds: UnwindFds | null
  /**
   * The samples since the last call. Throws `kernel_error` when the account of the window does not
   * come out even or the kernel refused the change of generations; later calls may succeed.
   */
  drain(): Promise<SampleWindow>
  cost(): SamplerCost
  /** Samples per second and CPU from the next window on. */
  setFrequency(hertz: number): void
  /** Takes no more samples; a drain() after it returns the last ones. */
  stop(): void
  close(): Promise<void>
}

/**
 * Samples every process on every CPU. Throws a FlamewatchError that says why this machine may not be
 * sampled: `not_privileged`, `libbpf_missing`, `bpf_object_damaged`, `bpf_rejected`, `pid_namespace`,
 * `kernel_unsupported`, `perf_event`, `btf_missing`, `option_invalid`.
 */
export async function openSampler(options: SamplerOptions): Promise<Sampler> {
  checkPidNamespace()
  checkPrivileges()
  const libbpf = loadLibbpf(options.libbpf)
  const { sources: beside = [], filter = {}, offCpuThresholdNs = 1_000_000 } = options
  const sources = [cpuClock(options.frequencyHz, options.log), ...beside]
  const rate = { cpus: readOnlineCpus().length, frequencyHz: options.frequencyHz }
  const sizes = options.sizes ?? mapSizes(rate.cpus, rate.frequencyHz, beside.length)
  const program = loadProgram({
    libbpf,
    sizes,
    log: options.log,
    objectDirectory: options.objectDirectory,
    forceNoBtf: options.forceNoBtf ?? false,
    unwind: options.unwind ?? 'frame-pointers',
    programs: new Set(sources.map((source) => source.program)),
    filter,
    offCpuThresholdNs,
  })
  const sampler = new KernelSampler(options, libbpf, program, sizes, sources)
  try {
    fillFilter(libbpf, program.object, filter)
    sampler.start()
  } catch (error) {
    await sampler.close()
    throw error
  }
  return sampler
}

class KernelSampler implements Sampler {
  readonly notes: readonly string[]
  readonly unwindTables: UnwindTables | null
  readonly unwindFds: UnwindFds | null
  readonly #options: SamplerOptions
  readonly #log: Log
  readonly #libbpf: Libbpf
  readonly #object: BpfObject
  readonly #sizes: MapSizes
  readonly #sources: SourceSet
  /** Their numbers. */
  readonly #numbers: readonly number[]
  readonly #generations: readonly [Generation, Generation]
  readonly #stats: SampleStatsReader
  readonly #runs: ProgramRuns
  readonly #pace: ReadingPace
  readonly #maps: readonly string[]
  #overflow: OverflowRing | undefined
  #events: ProcessEvents | undefined
  #switch: GenerationSwitch | undefined
  #window = new WindowBuilder(Date.now())
  #flippedAtMs = Date.now()
  #timer: NodeJS.Timeout | undefined
  // One reading at a time: each call waits for the one before.
  #queue: Promise<unknown> = Promise.resolve()
  #reading = false
  #fault: unknown
  #readMs = 0
  #readings = 0
  #overflowed = 0
  #eventsLost = 0
  readonly #unwindEnds = Object.fromEntries(UNWIND_ENDS.map((end) => [end, 0])) as Record<
    UnwindEnd,
    number
  >
  #formerPriority: number | undefined
  #closed: Promise<void> | undefined

  constructor(
    options: SamplerOptions,
    libbpf: Libbpf,
    program: LoadedProgram,
    sizes: MapSizes,
    sources: readonly SampleSource[],
  ) {
    const { object } = program
    this.notes = program.notes
    const byTables = program.variant === 'profile-tables'
    this.unwindFds = byTables
      ? { tables: object.mapFd('tables'), processes: object.mapFd('processes') }
      : null
    this.unwindTables = this.unwindFds && new UnwindMaps(libbpf.tables, this.unwindFds)
    const beside = sources.slice(1)
    const hasBeside = beside.length > 0
    this.#maps = [...MAPS, ...(hasBeside ? BESIDE_MAPS : []), ...(byTables ? TABLE_MAPS : [])]
    this.#numbers = sources.map(({ number }) => number)
    this.#runs = new ProgramRuns(object, sources)
    this.#pace = new ReadingPace(sizes)
    const { frequencyHz, log } = options
    this.#sources = new SourceSet({ object, frequencyHz, beside, log })
    this.#options = options
    this.#log = log
    this.#libbpf = libbpf
    this.#object = object
    this.#sizes = sizes
    const asksProc = program.variant === 'profile-nobtf' ? isKernelThread : () => false
    const generation = (n: 0 | 1) => {
      const ways = [object.mapFd(`stacks_${n}a`), object.mapFd(`stacks_${n}b`)] as const
      const maps = { counts: object.mapFd(`counts_${n}`), ways }
      const userStacks = byTables ? { userStacks: object.mapFd(`user_stacks_${n}`) } : {}
      const others = hasBeside && {
        beside: {
          counts: object.mapFd(`beside_counts_${n}`),
          stacks: object.mapFd(`beside_stacks_${n}`),
        },
      }
      return new Generation(libbpf.maps, { ...maps, ...userStacks, ...others }, asksProc)
    }
    this.#generations = [generation(0), generation(1)]
    this.#stats = new SampleStatsReader(libbpf.maps, object.mapFd('stats'), libbpf.possibleCpus())
  }

  start(): void {
    this.#switch = new GenerationSwitch(this.#libbpf.maps, this.#object)
    this.#overflow = new OverflowRing(this.#object.mapFd('overflow'), this.#sizes.overflowBytes)
    // Before the first sample, so that no first sample goes unseen.
    const { onProcess = ignore, onUnknownAddress = ignore } = this.#options
    const listener = { onProcess, onUnknownAddress }
    this.#events = new ProcessEvents(this.#object.mapFd('events'), this.#log, listener)
    this.#window = new WindowBuilder(Date.now())
    this.#sources.attach()
    this.#raisePriority()
    this.#scheduleReading()
  }

  drain(): Promise<SampleWindow> {
    return this.#enqueue(() => this.#sources.betweenWindows(() => this.#drain()))
  }

  setFrequency(hertz: number): void {
    this.#sources.setFrequency(hertz)
  }

  async #drain(): Promise<SampleWindow> {
    await this.#read()
    const fault = this.#fault
    this.#fault = undefined
    if (fault) throw fault
    this.#sources.follow()
    // Runs the kernel left out are no part of the programs' own numbers.
    for (const { source, misses } of this.#runs.takeMisses()) {
      this.#window.addTaken(misses, 0, source)
      this.#window.addDropped('recursion', misses, source)
    }
    const { frequencyHz, kinds } = this.#sources
    const window = this.#window.finish(this.#flippedAtMs, frequencyHz, kinds)
    this.#window = new WindowBuilder(this.#flippedAtMs)
    return window
  }

  cost(): SamplerCost {
    const programs = this.#runs.read()
    const {
      runTimeNs = 0,
      runCount = 0,
      verifiedInstructions = 0,
    } = programs.get('on_sample') ?? {}
    let mapBytes = 0
    for (const name of this.#maps)
      mapBytes += readFdinfo(this.#object.mapFd(name)).get('memlock') ?? 0
    return {
      ...{ runTimeNs, runCount, programs, verifiedInstructions },
      mapBytes,
      readMs: this.#readMs,
      readings: this.#readings,
      overflowed: this.#overflowed,
      eventsLost: this.#eventsLost,
      unwindEnds: { ...this.#unwindEnds },
    }
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#sources.close()
  }

  close(): Promise<void> {
    this.#closed ??= this.#enqueue(async () => {
      this.stop()
      this.#events?.close()
      this.#overflow?.close()
      this.#switch?.close()
      this.#overflow = undefined
      this.#switch = undefined
      this.#object.close()
      if (this.#formerPriority !== undefined) setPriority(this.#formerPriority)
    })
    return this.#closed
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work)
    this.#queue = result.catch(() => undefined)
    return result
  }

  #scheduleReading(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#readInBetween(), this.#pace.everyMs)
  }

  // On big hosts the maps are too small for a whole window and are read in between.
  #readInBetween(): void {
    if (this.#reading) return
    this.#enqueue(() => this.#read()).catch((error: unknown) => {
      this.#fault ??= error
    })
  }

  async #read(): Promise<void> {
    this.#reading = true
    try {
      await this.#readGeneration()
    } finally {
      this.#reading = false
      if (this.#sources.isOpen) this.#scheduleReading()
    }
  }

  async #readGeneration(): Promise<void> {
    if (!this.#switch || !this.#overflow)
      throw new FlamewatchError('internal', 'The sampler is closed.')
    const filled = await this.#switch.flip()
    this.#flippedAtMs = Date.now()
    const slices = new Slices()
    const startedMs = performance.now()
    await this.#overflow.distribute(this.#generations, slices)
    const reading = await this.#generations[filled].take(this.#window, slices)
    const stats = this.#numbers.map((number) => ({
      number,
      stats: this.#stats.takeSince(filled, number),
    }))
    this.#readMs += performance.now() - startedMs
    this.#readings++
    this.#pace.note(reading.besideStacks)
    this.#account(stats, reading)
  }

  #account(sources: readonly SourceStats[], reading: Reading): void {
    for (const { stats } of sources) {
      this.#eventsLost += stats.eventsLost
      this.#overflowed += stats.overflowed
      for (const end of UNWIND_ENDS) this.#unwindEnds[end] += stats.ends[end]
    }
    if (reading.missingStacks > 0)
      this.#log.error({ stacks: reading.missingStacks }, 'stack ids without a stack')
    if (reading.stackError < 0)
      this.#log.error({ errno: -reading.stackError }, 'read map of user stacks')
    if (reading.error < 0) this.#log.error({ errno: -reading.error }, 'read map of counts')
    try {
      for (const { number, stats } of sources) {
        const found = reading.sources.get(number) ?? { counted: 0, overflowed: 0 }
        const { dropped } = settleAccount(stats, { ...found, error: reading.error })
        this.#window.addTaken(stats.taken, stats.idle, number, stats.filtered)
        for (const { reason, samples } of dropped) this.#window.addDropped(reason, samples, number)
      }
    } catch (error) {
      this.#window = new WindowBuilder(this.#flippedAtMs)
      throw error
    }
  }

  #raisePriority(): void {
    try {
      const former = getPriority()
      setPriority(this.#options.niceness ?? -15)
      this.#formerPriority = former
    } catch (error) {
      this.#log.debug({ reason: errorMessage(error) }, 'priority not raised')
    }
  }
}

const MAPS = [
  'stacks_0a',
  'stacks_0b',
  'stacks_1a',
  'stacks_1b',
  'counts_0',
  'counts_1',
  'stats',
  'overflow',
  'workspaces',
  'seen',
  'events',
]
// Without the tables themselves: they are those of their builder to count.
const TABLE_MAPS = ['user_stacks_0', 'user_stacks_1', 'processes', 'tables', 'asked']

const ignore = () => undefined
type SourceStats = { readonly number: number; readonly stats: SampleStats }
