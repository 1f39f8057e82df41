import { errorMessage } from '../../infra/runtime/errors.ts'
import type { Log } from '../../infra/runtime/log.ts'
import { MOST_PROCESSES, type ProgramRun, type UnwindTables } from '../kernel/unwind-layout.ts'
import type { Mapping, Mappings } from '../process/mappings.ts'
import { type FileTableStats, FileTables, type TableFile } from './file-tables.ts'
import { type CodeRanges, codeRanges, encodeEntry } from './process-entry.ts'

export type UnwinderOptions = {
  readonly maps: UnwindTables
  /** Of all tables together. */
  readonly maxBytes: number
  readonly log: Log
  /** Called often while tables are made; what it answers is awaited. */
  readonly pause: () => Promise<unknown> | undefined
}

export type UnwinderStats = FileTableStats & {
  readonly processes: number
  /** Mappings that found no room in the entries of their processes. */
  readonly mappingsLeft: number
  /** Entries the kernel refused, since the start. */
  readonly entriesRefused: number
}

type Known = {
  readonly run: ProgramRun
  mappings: Mappings
  ranges: CodeRanges
  files: ReadonlySet<TableFile>
  /** Times in a row that reading the mappings again told nothing of an unknown address. */
  futile: number
  sampledIn: number
  readonly write: () => void
}

// Stacks walked into nonsense have unknown addresses all the time.
const MOST_FUTILE = 3

/** Keeps what the kernel walks user stacks by: a table for each file, an entry for each process. */
export class Unwinder {
  readonly #options: UnwinderOptions
  readonly #tables: FileTables
  /** By tgid and start time, the one sampled longest ago first. */
  readonly #known = new Map<string, Known>()
  #window = 0
  #entriesRefused = 0

  constructor(options: UnwinderOptions) {
    this.#options = options
    this.#tables = new FileTables(options)
  }

  /**
   * Makes the tables of what processes have mapped before they are sampled: an entry is then all there is
   * to do. Resolves when they are made.
   */
  async prepare(
    pids: Iterable<number>,
    mappingsOf: (pid: number) => Mappings | null,
  ): Promise<void> {
    // Most files are in many of them.
    const seen = new Set<string>()
    for (const pid of pids)
      for (const mapping of mappingsOf(pid)?.list ?? []) {
        const identity = `${mapping.kind}:${mapping.device}:${mapping.inode}`
        if (seen.has(identity)) continue
        seen.add(identity)
        const file = this.#tables.fileOf(pid, mapping)
        if (file !== null) this.#tables.prepare(file)
        const turn = this.#options.pause()
        if (turn) await turn
      }
    await this.#tables.settle()
  }

  /**
   * A process was sampled for the first time, or after it executed another program, or (`isUnknownAddress`)
   * where it has no mapping; `mappings` were read after that.
   */
  see(run: ProgramRun, mappings: Mappings, isUnknownAddress = false): void {
    const key = keyOf(run)
    const known = this.#known.get(key)
    if (known?.run.program === run.program) {
      if (known.mappings !== mappings) this.#update(known, mappings)
      else if (isUnknownAddress && ++known.futile === MOST_FUTILE) known.write()
      return
    }
    if (known) this.#forget(key, known)
    if (this.#known.size >= MOST_PROCESSES - 1) this.#forgetOldest()
    const added: Known = {
      ...{ run, mappings, ranges: { list: [], left: 0 }, files: new Set(), futile: 0 },
      ...{ sampledIn: this.#window, write: () => this.#write(added) },
    }
    this.#known.set(key, added)
    this.#update(added, mappings)
  }

  /**
   * After each window: `sampled` are the processes that were sampled in it, by tgid and start time, with
   * their present mappings. Entries of those that ended are removed.
   */
  endWindow(
    sampled: Iterable<readonly [key: string, mappings: Mappings | null]>,
    isAlive: (run: ProgramRun) => boolean,
  ): void {
    this.#window++
    this.#tables.beginWindow()
    for (const [key, mappings] of sampled) {
      const known = this.#known.get(key)
      if (!known) continue
      known.sampledIn = this.#window
      this.#known.delete(key)
      this.#known.set(key, known)
      if (mappings !== null && mappings !== known.mappings) this.#update(known, mappings)
      else for (const file of known.files) this.#tables.use(file)
    }
    for (const [key, known] of this.#known)
      if (known.sampledIn < this.#window && !isAlive(known.run)) this.#forget(key, known)
  }

  /** What a user must know, one sentence each. */
  notes(): string[] {
    const files = this.#tables.overBudget()
    if (files.length === 0) return []
    const names = files.slice(0, 3).map(({ path }) => path)
    const others = files.length > names.length ? ` and ${files.length - names.length} others` : ''
    return [
      `Stacks through ${names.join(', ')}${others} may be cut: their unwind tables are beyond --unwind-table-memory.`,
    ]
  }

  stats(): UnwinderStats {
    let mappingsLeft = 0
    for (const { ranges } of this.#known.values()) mappingsLeft += ranges.left
    return {
      ...this.#tables.stats(),
      ...{ processes: this.#known.size, mappingsLeft, entriesRefused: this.#entriesRefused },
    }
  }

  /** Another bound of all tables together; those in use stay. */
  keepWithin(maxBytes: number): void {
    this.#tables.keepWithin(maxBytes)
  }

  /** When all tables are made that were asked for. */
  settle(): Promise<void> {
    return this.#tables.settle()
  }

  /** Afterwards the kernel's maps are not touched any more. */
  async close(): Promise<void> {
    await this.#tables.close()
    this.#known.clear()
  }

  #update(known: Known, mappings: Mappings): void {
    const files = new Set<TableFile>()
    const fileOf = (mapping: Mapping) => {
      const file = this.#tables.fileOf(known.run.tgid, mapping)
      if (file !== null) files.add(file)
      return file
    }
    const ranges = codeRanges(mappings.list, fileOf)
    for (const file of known.files) if (!files.has(file)) file.onChange.delete(known.write)
    for (const file of files) file.onChange.add(known.write)
    Object.assign(known, { mappings, ranges, files, futile: 0 })
    known.write()
    for (const file of files) this.#tables.use(file)
  }

  #write(known: Known): void {
    const entry = encodeEntry(known.ranges, known.futile >= MOST_FUTILE)
    try {
      this.#options.maps.setProcess(known.run, entry)
    } catch (error) {
      this.#entriesRefused++
      const { tgid } = known.run
      this.#options.log.debug({ tgid, reason: errorMessage(error) }, 'process entry refused')
    }
  }

  #forget(key: string, { run, files, write }: Known): void {
    for (const file of files) file.onChange.delete(write)
    this.#known.delete(key)
    try {
      this.#options.maps.deleteProcess(run)
    } catch (error) {
      this.#options.log.debug({ tgid: run.tgid, reason: errorMessage(error) }, 'process entry kept')
    }
  }

  #forgetOldest(): void {
    for (const [key, known] of this.#known) {
      this.#forget(key, known)
      return
    }
  }
}

function keyOf({ tgid, startTimeNs }: ProgramRun): string {
  return `${tgid}:${startTimeNs}`
}
