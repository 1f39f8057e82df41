import fs from 'node:fs'
import { errorMessage } from '../../infra/runtime/errors.ts'
import type { Log } from '../../infra/runtime/log.ts'
import { MOST_TABLES, type UnwindTables } from '../kernel/unwind-layout.ts'
import { BoundedMap } from '../process/bounded-map.ts'
import { openMapped } from '../process/mapped-file.ts'
import type { Mapping } from '../process/mappings.ts'
import { type ByteSource, FileSource, MemorySource } from '../symbolize/byte-source.ts'
import { type Elf, EM_AARCH64, EM_X86_64, readElf, vaddrOf } from '../symbolize/elf.ts'
import { contentKey } from '../symbolize/image.ts'
import { readVdso } from '../symbolize/vdso.ts'
import { baseOf, buildTable } from './build-table.ts'

/** Where a file can be opened: a process that maps it. */
type Place = { readonly pid: number; readonly mapping: Mapping }

export type KernelTable = {
  readonly id: number
  readonly rows: number
  readonly page0: number
  readonly pages: number
  readonly bytes: number
}

/** An ELF file, whatever its paths and processes. */
export type TableFile = {
  readonly path: string
  readonly elf: Pick<Elf, 'segments'>
  readonly base: number
  readonly sizeBytes: number
  /** Of whoever maps it: told when the table comes or goes. */
  readonly onChange: Set<() => void>
  place: Place
  table: KernelTable | null
  /** `over_budget` may change when others go; the other reasons stay. */
  state: 'new' | 'queued' | 'built' | 'unopened' | 'over_budget' | 'refused'
  /** Why, or of how many bytes, where it is known. */
  reason: string
  bytesNeeded: number
  /** A process with it was sampled; before that, its table is made in advance. */
  isSampled: boolean
  /** Window in which a process with it was sampled last. */
  usedIn: number
}

export type FileTableOptions = {
  readonly maps: UnwindTables
  /** Of all tables together. */
  readonly maxBytes: number
  readonly log: Log
  readonly pause: () => Promise<unknown> | undefined
}

export type FileTableStats = {
  readonly tables: number
  readonly bytes: number
  readonly rows: number
  readonly queued: number
  /** Files that have rows but no table, for want of memory. */
  readonly overBudget: number
  /** Files without rows or with ones that are not understood. */
  readonly refused: number
  readonly evicted: number
  /** Time spent on tables since the start. */
  readonly buildMs: number
}

const PAGE_BYTES = 4096
const MOST_FILES = 8_192
const HOST_MACHINE = process.arch === 'arm64' ? EM_AARCH64 : EM_X86_64

// The time to build a table goes by what the file holds: some 2 ms for 1 MB of a program's code.
const LARGE_FILE_BYTES = 8 << 20
// The kernel waits some 10 ms for running programs at each new table, for several at once as long as for one.
const MOST_SETTING = 4

/**
 * The unwind tables in the kernel, one for each file that sampled processes have mapped. They are made
 * one at a time, the smallest file first. Only a large one lets small ones pass that come while it is made:
 * a program never seen before must not wait until Chromium's is there.
 */
export class FileTables {
  readonly #options: FileTableOptions
  /** By identity; the same content may be in several. */
  readonly #files = new BoundedMap<string, TableFile | null>(MOST_FILES)
  readonly #contents = new Map<string, TableFile>()
  readonly #queue = new Set<TableFile>()
  readonly #freeIds: number[] = []
  #nextId = 1
  #bytes = 0
  #evicted = 0
  #buildMs = 0
  #window = 0
  readonly #working = { small: null as Promise<void> | null, large: null as Promise<void> | null }
  readonly #setting = new Set<Promise<void>>()
  #closed = false
  #maxBytes: number

  constructor(options: FileTableOptions) {
    this.#options = options
    this.#maxBytes = options.maxBytes
  }

  /** The ELF file of a mapping; null when it is none or cannot be opened now. */
  fileOf(pid: number, mapping: Mapping): TableFile | null {
    if (mapping.kind === 'anonymous') return null
    const place = { pid, mapping }
    if (mapping.kind === 'vdso') return this.#vdsoFile(place)
    const opened = openMapped(pid, mapping)
    if (opened.kind === 'fault') return null
    try {
      const known = this.#files.get(opened.identity)
      const file =
        known === undefined
          ? this.#add(new FileSource(opened.fd, opened.sizeBytes), opened.identity, place)
          : known
      // Where it was met last it can probably be opened.
      if (file !== null && file.state !== 'built') file.place = place
      return file
    } finally {
      fs.closeSync(opened.fd)
    }
  }

  /** A process that maps it will probably be sampled. */
  prepare(file: TableFile): void {
    file.usedIn = this.#window
    if (file.state === 'new') this.#enqueue(file)
  }

  /** A process that maps it was sampled: it should have a table, and keep it. */
  use(file: TableFile): void {
    file.isSampled = true
    file.usedIn = this.#window
    if (file.state === 'new' || file.state === 'unopened') this.#enqueue(file)
    else if (file.state === 'over_budget' && this.#mayFit(file.bytesNeeded)) this.#enqueue(file)
  }

  /** Another bound. Tables that no sampled process has go at once, those in use when they are not. */
  keepWithin(maxBytes: number): void {
    this.#maxBytes = maxBytes
    const shrinking = this.#shrink()
    this.#setting.add(shrinking)
    void shrinking.finally(() => this.#setting.delete(shrinking))
  }

  beginWindow(): void {
    this.#window++
    if (this.#contents.size > MOST_FILES) this.#forgetUnused()
  }

  /** When nothing is left to do. */
  async settle(): Promise<void> {
    while (this.#working.small || this.#working.large || this.#setting.size > 0)
      await Promise.all([this.#working.small, this.#working.large, ...this.#setting])
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#queue.clear()
    await this.settle()
  }

  /** Files without a table for want of memory, and how much each needs. */
  overBudget(): { readonly path: string; readonly bytes: number }[] {
    return [...this.#contents.values()]
      .filter(({ state }) => state === 'over_budget')
      .map(({ path, bytesNeeded }) => ({ path, bytes: bytesNeeded }))
  }

  stats(): FileTableStats {
    const files = [...this.#contents.values()]
    const built = files.filter(({ table }) => table !== null)
    return {
      tables: built.length,
      bytes: this.#bytes,
      rows: built.reduce((sum, { table }) => sum + (table?.rows ?? 0), 0),
      queued: this.#queue.size,
      overBudget: files.filter(({ state }) => state === 'over_budget').length,
      refused: files.filter(({ state }) => state === 'refused').length,
      evicted: this.#evicted,
      buildMs: this.#buildMs,
    }
  }

  // The kernel maps its own image into every 64-bit process; a 32-bit one has another.
  #vdsoFile(place: Place): TableFile | null {
    if (place.mapping.start <= 0xffff_ffff) return null
    const known = this.#files.get('[vdso]')
    if (known !== undefined) return known
    const bytes = readVdso()
    return bytes && this.#add(new MemorySource(bytes), '[vdso]', place)
  }

  #add(source: ByteSource, identity: string, place: Place): TableFile | null {
    const elf = readElf(source)
    const file =
      elf.kind === 'fault' || elf.machine !== HOST_MACHINE
        ? null
        : this.#addContent(contentKey(source, elf), elf, source.sizeBytes, place)
    this.#files.set(identity, file)
    return file
  }

  #addContent(key: string, elf: Elf, sizeBytes: number, place: Place): TableFile {
    const known = this.#contents.get(key)
    if (known !== undefined) return known
    const file: TableFile = {
      ...{
        path: place.mapping.path,
        elf: { segments: elf.segments },
        base: baseOf(elf),
        sizeBytes,
      },
      place,
      ...{ onChange: new Set(), table: null, state: 'new', reason: '', bytesNeeded: 0 },
      ...{ isSampled: false, usedIn: 0 },
    }
    this.#contents.set(key, file)
    return file
  }

  #forgetUnused(): void {
    for (const [key, file] of this.#contents)
      if (file.table === null && file.onChange.size === 0 && file.state !== 'queued')
        this.#contents.delete(key)
    for (const [identity, file] of this.#files)
      if (file?.table === null && file.onChange.size === 0 && file.state !== 'queued')
        this.#files.delete(identity)
  }

  #enqueue(file: TableFile): void {
    if (this.#closed) return
    file.state = 'queued'
    this.#queue.add(file)
    this.#start(laneOf(file))
  }

  #start(lane: Lane): void {
    this.#working[lane] ??= this.#work(lane).finally(() => {
      this.#working[lane] = null
      for (const lane of LANES) if (this.#next(lane) !== null) this.#start(lane)
    })
  }

  async #work(lane: Lane): Promise<void> {
    for (let file = this.#next(lane); file !== null; file = this.#next(lane)) {
      this.#queue.delete(file)
      const startedMs = performance.now()
      try {
        await this.#build(file)
      } catch (error) {
        this.#refuse(file, errorMessage(error))
      }
      this.#buildMs += performance.now() - startedMs
    }
  }

  // Most processes have whole stacks soonest: one large file takes as long as a hundred small ones.
  #next(lane: Lane): TableFile | null {
    let next: TableFile | null = null
    for (const file of this.#queue) if (next === null || isBefore(file, next)) next = file
    return next !== null && laneOf(next) === lane ? next : null
  }

  async #build(file: TableFile): Promise<void> {
    const building = this.#openAndBuild(file)
    if (building === null) {
      file.state = 'unopened'
      return
    }
    const built = await building
    if (built.kind === 'fault') {
      if (built.reason !== 'too_large') return this.#refuse(file, built.reason)
      return this.#refuse(file, built.reason, this.#maxBytes + 1)
    }
    const { words, rows, page0, pages } = built
    const bytes = Math.ceil(words.byteLength / PAGE_BYTES) * PAGE_BYTES
    if (!(await this.#takeRoom(bytes))) return this.#refuse(file, 'over budget', bytes)
    const id = this.#freeIds.pop() ?? this.#nextId++
    const setting = this.#set(file, { id, rows, page0, pages, bytes }, words)
    this.#setting.add(setting)
    void setting.finally(() => this.#setting.delete(setting))
    if (this.#setting.size >= MOST_SETTING) await Promise.race(this.#setting)
  }

  /** Never rejects. Entries name the table at once: the kernel takes it over and waits afterwards. */
  async #set(file: TableFile, table: KernelTable, words: Uint32Array): Promise<void> {
    try {
      const set = this.#options.maps.setTable(table.id, words.length / 2, (to) => to.set(words))
      this.#tell(file, table)
      await set
      file.state = 'built'
    } catch (error) {
      this.#tell(file, null)
      this.#bytes -= table.bytes
      this.#freeIds.push(table.id)
      this.#refuse(file, errorMessage(error))
    }
  }

  #tell(file: TableFile, table: KernelTable | null): void {
    file.table = table
    for (const onChange of file.onChange) onChange()
  }

  #openAndBuild({ place }: TableFile): ReturnType<typeof buildTable> | null {
    const { pause } = this.#options
    const maxBytes = this.#maxBytes
    if (place.mapping.kind === 'vdso') {
      const bytes = readVdso()
      return bytes && build(new MemorySource(bytes))
    }
    const opened = openMapped(place.pid, place.mapping)
    if (opened.kind === 'fault') return null
    try {
      return build(new FileSource(opened.fd, opened.sizeBytes))
    } finally {
      fs.closeSync(opened.fd)
    }

    function build(source: ByteSource): ReturnType<typeof buildTable> | null {
      const elf = readElf(source)
      return elf.kind === 'fault' ? null : buildTable(source, elf, { maxBytes, pause })
    }
  }

  /** `bytesNeeded` above 0: it would have a table if there were memory. */
  #refuse(file: TableFile, reason: string, bytesNeeded = 0): void {
    file.state = bytesNeeded > 0 ? 'over_budget' : 'refused'
    file.reason = reason
    file.bytesNeeded = bytesNeeded
    const { path } = file
    this.#options.log.debug({ path, reason, bytes: bytesNeeded }, 'no unwind table')
  }

  #mayFit(bytes: number): boolean {
    const idle = this.#idle().reduce((sum, { table }) => sum + (table?.bytes ?? 0), 0)
    return this.#bytes - idle + bytes <= this.#maxBytes
  }

  /** Tables no sampled process had in this window and the last, longest unused first. */
  #idle(): TableFile[] {
    return [...this.#contents.values()]
      .filter(({ state, usedIn }) => state === 'built' && usedIn < this.#window - 1)
      .sort((a, b) => a.usedIn - b.usedIn)
  }

  /** Never rejects. */
  async #shrink(): Promise<void> {
    try {
      for (const file of this.#idle()) {
        if (this.#bytes <= this.#maxBytes) return
        await this.#evict(file)
      }
    } catch (error) {
      this.#options.log.debug({ reason: errorMessage(error) }, 'unwind tables kept')
    }
  }

  async #takeRoom(bytes: number): Promise<boolean> {
    if (!this.#mayFit(bytes)) return false
    const hasRoom = () =>
      this.#bytes + bytes <= this.#maxBytes &&
      (this.#freeIds.length > 0 || this.#nextId < MOST_TABLES)
    for (const file of this.#idle()) {
      if (hasRoom()) break
      await this.#evict(file)
    }
    if (!hasRoom()) return false
    // At once: the other lane looks at what is taken.
    this.#bytes += bytes
    return true
  }

  // An id is used again only when no entry names it and no walk that read it then still runs.
  async #evict(file: TableFile): Promise<void> {
    const { table } = file
    // It may have been used while another was being deleted.
    if (table === null || file.usedIn >= this.#window - 1) return
    file.state = 'new'
    this.#tell(file, null)
    await this.#options.maps.deleteTable(table.id)
    this.#bytes -= table.bytes
    this.#freeIds.push(table.id)
    this.#evicted++
  }
}

const LANES = ['small', 'large'] as const
type Lane = (typeof LANES)[number]

function isBefore(a: TableFile, b: TableFile): boolean {
  if (laneOf(a) !== laneOf(b)) return laneOf(a) === 'small'
  return a.isSampled === b.isSampled ? a.sizeBytes < b.sizeBytes : a.isSampled
}

function laneOf({ sizeBytes }: TableFile): Lane {
  return sizeBytes > LARGE_FILE_BYTES ? 'large' : 'small'
}

/** `address - bias` are the addresses of the file's table; null when the mapping has no code of it. */
export function biasOf(file: TableFile, { start, offset }: Mapping): number | null {
  const vaddr = vaddrOf(file.elf, offset)
  return vaddr === null ? null : start - (vaddr - file.base)
}
