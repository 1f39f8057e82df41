import { type ByteSource, MemorySource, readCString, readExactly } from './byte-source.ts'
import {
  type Elf,
  type ElfSection,
  PF_X,
  PT_LOAD,
  SHT_DYNSYM,
  SHT_NOBITS,
  SHT_SYMTAB,
} from './elf.ts'
import { MAX_NATIVE_ROWS, sortRows } from './sort-rows.ts'

// The functions of one ELF file as sorted columns: 12 bytes a row. Names stay in the file unless its
// string table is small; only those that are asked for are read (Node's string table is 12 MB, of
// which a profile needs some thousand names).

export type SymbolFile = { readonly elf: Elf; readonly source: ByteSource }

/** Where a string table lies: in the image's own file or in its separate debug file. */
type Strings = {
  readonly from: 'image' | 'debug'
  readonly position: number
  readonly sizeBytes: number
  /** Where it begins in the space of name offsets that all tables share. */
  readonly base: number
  readonly kept: ByteSource | null
}

/** Gives the bytes of a file while a name is read; null when it can no longer be opened. */
export type OpenStrings = (from: Strings['from']) => ByteSource | null

export type FoundSymbol = {
  /** Row of the first alias: the same for every address of the function. */
  readonly row: number
  readonly start: number
}

const SYMBOL_BYTES = 24
const STT_FUNC = 2
const STT_GNU_IFUNC = 10
const STB_LOCAL = 0
// Chromium with symbols has about a million functions.
const MAX_ROWS = MAX_NATIVE_ROWS
const MAX_KEPT_STRINGS_BYTES = 256 << 10
const MAX_STRINGS_BYTES = 2 ** 31
const MAX_ALIASES = 8
// Functions nested in one another (a label with a size inside a function): how far to look back.
const MAX_LOOK_BACK = 16
// Mangled names beyond this are cut: V8's longest has 5,000 characters.
const MAX_NAME_BYTES = 8 << 10

export class SymbolTable {
  readonly #base: number
  readonly #starts: Uint32Array
  readonly #sizes: Uint32Array
  readonly #names: Uint32Array
  readonly #strings: readonly Strings[]
  /** What it keeps in memory. */
  readonly bytes: number

  constructor(
    base: number,
    columns: { starts: Uint32Array; sizes: Uint32Array; names: Uint32Array },
    strings: readonly Strings[],
  ) {
    this.#base = base
    this.#starts = columns.starts
    this.#sizes = columns.sizes
    this.#names = columns.names
    this.#strings = strings
    this.bytes =
      columns.starts.length * 12 +
      strings.reduce((sum, { kept }) => sum + (kept?.sizeBytes ?? 0), 200)
  }

  get rows(): number {
    return this.#starts.length
  }

  /** The innermost function that covers `vaddr`. */
  find(vaddr: number): FoundSymbol | null {
    const wanted = vaddr - this.#base
    const starts = this.#starts
    let row = lastNotAbove(starts, wanted)
    for (let steps = 0; row >= 0 && steps < MAX_LOOK_BACK; steps++) {
      const start = starts[row] as number
      let covers = false
      for (;;) {
        covers ||= wanted - start < (this.#sizes[row] as number)
        if (row === 0 || starts[row - 1] !== start) break
        row--
      }
      if (covers) return { row, start: start + this.#base }
      row--
    }
    return null
  }

  /** The best of the names at `row`, as in the file; null when they cannot be read any more. */
  readName(row: number, open: OpenStrings): string | null {
    let best: string | null = null
    for (let i = row; i < this.rows && this.#starts[i] === this.#starts[row]; i++) {
      const name = this.#readString(this.#names[i] as number, open)
      if (name !== null && name !== '' && (best === null || isBetterName(name, best))) best = name
    }
    return best
  }

  /** The addresses of functions by their names in the file: reads every name. */
  findByName(names: ReadonlySet<string>, open: OpenStrings): number[] {
    const found: number[] = []
    for (let row = 0; row < this.rows; row++)
      if (names.has(this.#readString(this.#names[row] as number, open) ?? ''))
        found.push((this.#starts[row] as number) + this.#base)
    return found
  }

  #readString(offset: number, open: OpenStrings): string | null {
    const strings = this.#strings.findLast(({ base }) => base <= offset)
    if (strings === undefined) return null
    const at = offset - strings.base
    const source = strings.kept ?? open(strings.from)
    if (source === null) return null
    const first = strings.kept === null ? strings.position : 0
    const bytes = readCString(source, first + at, first + strings.sizeBytes, MAX_NAME_BYTES)
    // Versions are part of the names in newer .symtabs: memcpy@@GLIBC_2.14.
    return bytes === null ? null : bytes.toString('utf8').replace(/(?<=.)@.*$/s, '')
  }
}

/** Fewest leading underscores, then the shortest, then by alphabet: the same choice in every build. */
export function isBetterName(name: string, other: string): boolean {
  const underscores = countUnderscores(name) - countUnderscores(other)
  if (underscores !== 0) return underscores < 0
  return name.length !== other.length ? name.length < other.length : name < other
}

function countUnderscores(name: string): number {
  let n = 0
  while (name.charCodeAt(n) === 0x5f) n++
  return n
}

/** Greatest row whose start is not above `wanted`; -1 when there is none. */
function lastNotAbove(starts: Uint32Array, wanted: number): number {
  let low = 0
  let high = starts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((starts[middle] as number) <= wanted) low = middle + 1
    else high = middle
  }
  return low - 1
}

/**
 * The functions of `image`; those of its separate debug file come first where one is given. Null
 * when there are none.
 */
export function loadSymbols(image: SymbolFile, debug: SymbolFile | null): SymbolTable | null {
  const range = executableRange(image.elf)
  if (range === null) return null
  const builder = new TableBuilder(range)
  if (debug !== null) builder.add(debug, 'debug', SHT_SYMTAB)
  builder.add(image, 'image', SHT_SYMTAB)
  builder.add(image, 'image', SHT_DYNSYM)
  return builder.build(image.elf.sections)
}

type Range = { readonly start: number; readonly end: number }

function executableRange(elf: Elf): Range | null {
  let start = Number.POSITIVE_INFINITY
  let end = 0
  for (const { type, flags, vaddr, memoryBytes } of elf.segments) {
    if (type !== PT_LOAD || (flags & PF_X) === 0) continue
    start = Math.min(start, vaddr)
    end = Math.max(end, vaddr + memoryBytes)
  }
  return end > start && end - start < 2 ** 32 && Number.isSafeInteger(end) ? { start, end } : null
}

// Pieces of a symbol table pass through one buffer, so that a big one costs no memory of its own.
const PIECE_SYMBOLS = 4096
const piece = new Uint32Array((PIECE_SYMBOLS * SYMBOL_BYTES) / 4)
const pieceBytes = new Uint8Array(piece.buffer)

class TableBuilder {
  readonly #range: Range
  #count = 0
  #starts = new Uint32Array(0)
  #sizes = new Uint32Array(0)
  #names = new Uint32Array(0)
  // 1 local, 2 without a size, 4 from .dynsym: the smaller the better among aliases.
  #ranks = new Uint8Array(0)
  readonly #strings: Strings[] = []
  #stringsEnd = 0

  constructor(range: Range) {
    this.#range = range
  }

  add({ elf, source }: SymbolFile, from: Strings['from'], type: number): void {
    for (const section of elf.sections) {
      if (section.type !== type) continue
      const names = elf.sections[section.link]
      if (names === undefined || !this.#addStrings(source, from, names)) continue
      this.#addSymbols(source, section, type === SHT_DYNSYM ? 4 : 0)
    }
  }

  #addStrings(source: ByteSource, from: Strings['from'], section: ElfSection): boolean {
    const { offset: position, sizeBytes } = section
    if (section.type === SHT_NOBITS || position + sizeBytes > source.sizeBytes) return false
    if (this.#stringsEnd + sizeBytes > MAX_STRINGS_BYTES) return false
    const bytes =
      sizeBytes <= MAX_KEPT_STRINGS_BYTES ? readExactly(source, position, sizeBytes) : null
    const kept = bytes === null ? null : new MemorySource(bytes)
    this.#strings.push({ from, position, sizeBytes, base: this.#stringsEnd, kept })
    this.#stringsEnd += sizeBytes
    return true
  }

  #addSymbols(source: ByteSource, section: ElfSection, rank: number): void {
    const inFile = Math.max(0, Math.min(section.sizeBytes, source.sizeBytes - section.offset))
    const total = Math.min(Math.floor(inFile / SYMBOL_BYTES), MAX_ROWS - this.#count)
    const nameBase = this.#strings.at(-1) as Strings
    this.#reserve(total)
    for (let done = 0; done < total; done += PIECE_SYMBOLS) {
      const wanted = Math.min(PIECE_SYMBOLS, total - done)
      const got = source.read(
        pieceBytes.subarray(0, wanted * SYMBOL_BYTES),
        section.offset + done * SYMBOL_BYTES,
      )
      this.#addPiece(Math.floor(got / SYMBOL_BYTES), nameBase, rank)
    }
  }

  // Elf64_Sym: name u32, info u8, other u8, section u16, value u64, size u64.
  #addPiece(count: number, strings: Strings, rank: number): void {
    const { start, end } = this.#range
    for (let i = 0, at = 0; i < count; i++, at += 6) {
      const info = piece[at + 1] as number
      const type = info & 15
      if ((type !== STT_FUNC && type !== STT_GNU_IFUNC) || info >>> 16 === 0) continue
      const value = (piece[at + 3] as number) * 0x1_0000_0000 + (piece[at + 2] as number)
      if (value < start || value >= end) continue
      const name = piece[at] as number
      if (name === 0 || name >= strings.sizeBytes) continue
      const size = piece[at + 5] === 0 ? (piece[at + 4] as number) : 0xffff_ffff
      const n = this.#count++
      this.#starts[n] = value - start
      this.#sizes[n] = size
      this.#names[n] = strings.base + name
      this.#ranks[n] = rank | (size === 0 ? 2 : 0) | ((info & 0xf0) >> 4 === STB_LOCAL ? 1 : 0)
    }
  }

  #reserve(more: number): void {
    const capacity = this.#count + more
    const grow = <T extends Uint32Array | Uint8Array>(to: T, from: T): T => {
      to.set(from.subarray(0, this.#count))
      return to
    }
    this.#starts = grow(new Uint32Array(capacity), this.#starts)
    this.#sizes = grow(new Uint32Array(capacity), this.#sizes)
    this.#names = grow(new Uint32Array(capacity), this.#names)
    this.#ranks = grow(new Uint8Array(capacity), this.#ranks)
  }

  build(sections: readonly ElfSection[]): SymbolTable | null {
    if (this.#count === 0) return null
    const order = sortRows(this.#starts.subarray(0, this.#count))
    const starts = new Uint32Array(this.#count)
    const sizes = new Uint32Array(this.#count)
    const names = new Uint32Array(this.#count)
    let rows = 0
    for (let from = 0, to = 0; from < order.length; from = to) {
      const start = this.#starts[order[from] as number] as number
      let rank = 255
      for (; to < order.length && this.#starts[order[to] as number] === start; to++)
        rank = Math.min(rank, this.#ranks[order[to] as number] as number)
      const next = to < order.length ? (this.#starts[order[to] as number] as number) : undefined
      for (let i = from, aliases = 0; i < to && aliases < MAX_ALIASES; i++) {
        const row = order[i] as number
        if (this.#ranks[row] !== rank) continue
        starts[rows] = start
        sizes[rows] =
          (rank & 2) === 0 ? (this.#sizes[row] as number) : this.#reach(start, rank, next, sections)
        names[rows] = this.#names[row] as number
        rows++
        aliases++
      }
    }
    const columns = {
      starts: starts.slice(0, rows),
      sizes: sizes.slice(0, rows),
      names: names.slice(0, rows),
    }
    return new SymbolTable(this.#range.start, columns, this.#strings)
  }

  // Assembly often leaves out the size: such a function reaches to the next one, at most to the end
  // of its section. In .dynsym the next one may be a long way off, so there it is only its address.
  #reach(
    start: number,
    rank: number,
    next: number | undefined,
    sections: readonly ElfSection[],
  ): number {
    if ((rank & 4) !== 0) return 1
    const vaddr = start + this.#range.start
    const section = sections.find((s) => vaddr >= s.vaddr && vaddr < s.vaddr + s.sizeBytes)
    const end = section === undefined ? this.#range.end : section.vaddr + section.sizeBytes
    return Math.min(next ?? Number.POSITIVE_INFINITY, end - this.#range.start) - start
  }
}
