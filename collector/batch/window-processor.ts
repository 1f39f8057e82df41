import { release } from 'node:os'
import { posix } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Log } from '../../infra/runtime/log.ts'
import type { CacheBudget } from '../ceilings.ts'
import { loadTableCalls } from '../kernel/libbpf.ts'
import { SideBand } from '../kernel/side-band.ts'
import type { ProgramRun, UnwindFds } from '../kernel/unwind-layout.ts'
import { UnwindMaps } from '../kernel/unwind-maps.ts'
import { findBusiest } from '../process/busiest.ts'
import { findCgroupMounts } from '../process/cgroup-mounts.ts'
import type { CgroupNames } from '../process/cgroup-path.ts'
import { CgroupTree } from '../process/cgroup-tree.ts'
import { ContainerMetadata } from '../process/container-metadata.ts'
import { shortVersion } from '../process/file-version.ts'
import { hostFiles } from '../process/host-files.ts'
import type { Mapping, Mappings } from '../process/mappings.ts'
import { readMappings } from '../process/mappings.ts'
import { recallProcess } from '../process/process-history.ts'
import type { ProcessKey, RecalledProcess } from '../process/process-image.ts'
import { ProcessReader } from '../process/process-reader.ts'
import { ProcessTable } from '../process/process-table.ts'
import { SideBandLog } from '../process/side-band-log.ts'
import type { FoundLines } from '../symbolize/lines/source-lines.ts'
import { Symbolizer } from '../symbolize/symbolizer.ts'
import { Unwinder } from '../unwind/unwinder.ts'
import type { SampleKind, SampleWindow } from '../window.ts'
import { collectGarbage } from './collect-garbage.ts'
import { type BatchPart, encodeBatch } from './encode-batch.ts'
import { mergeWindow } from './merge-window.ts'
import type { BatchSamples } from './sample-merger.ts'
import type { BuiltBatch, CacheName, WorkerSettings } from './worker-messages.ts'

// Processes at their first sample wait for no more than this and the symbols of one file.
const SLICE_MS = 2

// What the kernel told of the last 2,800 programs, each with a dozen mappings. Memory as it comes.
const SIDE_BAND_LOG_BYTES = 1 << 22

const LOOK_AGAIN_MS = [20, 100, 400, 1600] // one after the other

/** Everything between a drained window and the bytes of its batch, and what it remembers. */
export class WindowProcessor {
  readonly #settings: WorkerSettings
  #budget: CacheBudget
  readonly #cgroups: CgroupTree
  readonly #containers: ContainerMetadata
  readonly #processes: ProcessTable<Mappings>
  readonly #symbolizer: Symbolizer
  readonly #told = new SideBandLog(SIDE_BAND_LOG_BYTES)
  readonly #sideBand: SideBand
  readonly #log: Log
  #unwinder: Unwinder | null = null

  constructor(settings: WorkerSettings, log: Log) {
    this.#settings = settings
    this.#budget = settings
    this.#log = log
    this.#cgroups = new CgroupTree(findCgroupMounts())
    this.#containers = new ContainerMetadata(hostFiles(settings.hostRoot))
    const reader = new ProcessReader({
      containerNames: (cgroup) => this.#containers.names(cgroup),
      cgroupPath: (id) => this.#cgroups.pathOf(id),
    })
    const sources = {
      identify: (pid: number) => reader.identify(pid),
      read: (pid: number, cgroupId: bigint) => reader.read(pid, cgroupId),
      cgroup: (id: bigint) => reader.cgroup(id),
      container: (cgroup: CgroupNames) => reader.container(cgroup),
      readMappings: readChangedMappings,
      recall: (process: ProcessKey) => recall(this.#told, process),
    }
    this.#processes = new ProcessTable(sources, settings.host, release())
    this.#sideBand = new SideBand(log, (bytes, view) => this.#told.add(bytes, view))
    this.#sideBand.rescan()
    this.#symbolizer = new Symbolizer({
      cacheBytes: settings.symbolCacheBytes,
      lineTool: settings.lineTool ?? null,
      log,
    })
  }

  /**
   * User stacks are walked by tables from now on. Throws `libbpf_missing`. Resolves when the tables of the
   * busiest processes are made.
   */
  async unwindBy(fds: UnwindFds): Promise<void> {
    const maps = new UnwindMaps(loadTableCalls(), fds)
    maps.clearProcesses()
    const { unwindTableBytes: maxBytes } = this.#budget
    const pause = pauseAfter(SLICE_MS)
    const unwinder = new Unwinder({ maps, maxBytes, log: this.#log, pause })
    this.#unwinder = unwinder
    await unwinder.prepare(findBusiest(), readMappings)
    const { tables, rows, bytes, buildMs } = unwinder.stats()
    this.#log.info({ tables, rows, bytes, buildMs: Math.round(buildMs) }, 'unwind tables made')
  }

  /** What may be kept from window to window, from now on. */
  keepWithin(budget: CacheBudget): void {
    const isLess = budget.symbolCacheBytes < this.#budget.symbolCacheBytes
    this.#budget = budget
    this.#symbolizer.keepWithin(budget.symbolCacheBytes)
    this.#unwinder?.keepWithin(budget.unwindTableBytes)
    if (isLess) collectGarbage()
  }

  /** The kernel's maps are not touched any more. */
  async close(): Promise<void> {
    const unwinder = this.#unwinder
    this.#unwinder = null
    await unwinder?.close()
    this.#sideBand.close()
  }

  /**
   * Called at a process's first sample, and when it runs code that was not mapped. A program just started
   * has loaded little, so it is looked at again a few times.
   */
  see(process: ProgramRun & { readonly isUnknownAddress: boolean }, attempt = 0): void {
    if (!this.#processes.see(process)) return
    const mappings = this.#processes.current(process)?.mappings
    if (mappings) this.#unwinder?.see(process, mappings, process.isUnknownAddress)
    if (process.isUnknownAddress) return
    const delayMs = LOOK_AGAIN_MS[attempt]
    if (delayMs !== undefined) setTimeout(() => this.see(process, attempt + 1), delayMs).unref()
  }

  async build(window: SampleWindow): Promise<BuiltBatch> {
    const startedMs = performance.now()
    this.#sideBand.rescan()
    this.#sideBand.read()
    this.#cgroups.refresh()
    this.#containers.refresh()
    this.#symbolizer.refresh()
    this.#processes.beginWindow()
    const merged: { rows: SampleWindow & { kind?: SampleKind }; samples: BatchSamples }[] = []
    for (const rows of [window, ...(window.beside ?? []).map((rows) => ({ ...window, ...rows }))])
      merged.push({
        rows,
        samples: await mergeWindow(rows, {
          symbols: this.#symbolizer,
          processes: this.#processes,
          pause: pauseAfter(SLICE_MS),
        }),
      })
    this.#unwinder?.endWindow(this.#processes.sampled(), (run) => this.#processes.isAlive(run))
    this.#processes.endWindow()
    this.#told.tidy()
    const mergedMs = performance.now()
    const lines = await this.#symbolizer.readLines()
    const linedMs = performance.now()
    const parts: BatchPart[] = []
    for (const { rows, samples } of merged) {
      const lined = lines ? withLines(samples, lines) : samples
      parts.push(...(await encodeBatch(lined, rows, this.#settings.limits)))
    }
    return {
      parts,
      symbolizeMs: mergedMs - startedMs,
      encodeMs: performance.now() - linedMs,
      processes: this.#processes.size,
      recordsLost: this.#sideBand.lost,
      cacheBytes: this.#cacheBytes(),
      notes: [...this.#symbolizer.notes(), ...(this.#unwinder?.notes() ?? [])],
      ...(lines && { lines: { runs: lines.runs, ms: lines.ms } }),
      ...(this.#unwinder && { unwind: this.#unwinder.stats() }),
    }
  }

  #cacheBytes(): Record<CacheName, number> {
    const { files, jit, kernel } = this.#symbolizer.stats()
    return { files: files.bytes, jit: jit.bytes, kernel: kernel.bytes }
  }
}

function withLines(batch: BatchSamples, found: FoundLines): BatchSamples {
  return { ...batch, frames: batch.frames.map((frame) => found.frames.get(frame) ?? frame) }
}

/** Lets other work have its turn when that much time has passed since the last. */
function pauseAfter(sliceMs: number): () => Promise<void> | undefined {
  let untilMs = performance.now() + sliceMs
  return () => {
    if (performance.now() < untilMs) return undefined
    return setImmediate().then(() => {
      untilMs = performance.now() + sliceMs
    })
  }
}

function recall(
  told: SideBandLog,
  { tgid, startTimeNs }: ProcessKey,
): RecalledProcess<Mappings> | null {
  const past = recallProcess(told, tgid, startTimeNs)
  if (!past) return null
  const programs = past.programs.map(({ comm, executable, mappings }) => ({
    comm,
    executable: executable && posix.basename(executable.path),
    version: executable?.buildId ? shortVersion(executable.buildId) : null,
    mappings,
  }))
  return { ...past, programs }
}

function readChangedMappings(pid: number, previous: Mappings | null): Mappings | null {
  const mappings = readMappings(pid)
  return previous && mappings && areEqual(previous, mappings) ? previous : mappings
}

// Symbols are kept by mapping, so equal ones should be the same ones.
function areEqual(a: Mappings, b: Mappings): boolean {
  return (
    a.list.length === b.list.length &&
    a.list.every((mapping, i) => {
      const other = b.list[i] as Mapping
      return (
        mapping.start === other.start &&
        mapping.end === other.end &&
        mapping.offset === other.offset &&
        mapping.inode === other.inode &&
        mapping.path === other.path
      )
    })
  )
}
