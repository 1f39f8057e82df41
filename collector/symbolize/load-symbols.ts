import { type ByteSource, MemorySource, readExactly } from './byte-source.ts'
import { type Elf, type ElfSection, PF_X, PT_LOAD, SHT_DYNSYM, SHT_SYMTAB } from './elf.ts'
import { openSection, type SectionContent } from './section-bytes.ts'
import { MAX_NATIVE_ROWS, sortRows } from './sort-rows.ts'
import { type Strings, SymbolTable } from './symbol-table.ts'

export type SymbolFile = {
  readonly elf: Elf
  readonly source: ByteSource
  /** Where names are read from later; what is in memory is kept there. */
  readonly from: 'image' | 'debug' | 'memory'
}

const SYMBOL_BYTES = 24
const STT_FUNC = 2
const STT_GNU_IFUNC = 10
const STB_LOCAL = 0
// Chromium with symbols has about a million functions.
const MAX_ROWS = MAX_NATIVE_ROWS
// Symbols looked at, of which functions are kept; 200 MB of a file.
const MAX_SCANNED = 1 << 23
const MAX_KEPT_STRINGS_BYTES = 256 << 10
const MAX_STRINGS_BYTES = 2 ** 31
const MAX_ALIASES = 8

/**
 * The functions of `image`; those that were taken out of it come first, where they are given. Null when
 * there are none.
 */
export function loadSymbols(image: SymbolFile, stripped: SymbolFile | null): SymbolTable | null {
  const range = executableRange(image.elf)
  if (range === null) return null
  const builder = new TableBuilder(range)
  if (stripped !== null) builder.add(stripped, SHT_SYMTAB)
  builder.add(image, SHT_SYMTAB)
  builder.add(image, SHT_DYNSYM)
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

  /** A file has at most one table of each type. */
  add({ elf, source, from }: SymbolFile, type: number): void {
    const section = elf.sections.find((s) => s.type === type)
    const names = section && elf.sections[section.link]
    const symbols = section && openSection(source, section)
    const strings = names && openSection(source, names)
    if (!symbols || !strings) return
    const isInFile = strings.source === source && from !== 'memory'
    if (this.#addStrings(strings, isInFile ? from : 'memory'))
      this.#addSymbols(symbols, type === SHT_DYNSYM ? 4 : 0)
  }

  #addStrings({ source, position, sizeBytes }: SectionContent, from: SymbolFile['from']): boolean {
    if (position + sizeBytes > source.sizeBytes) return false
    if (this.#stringsEnd + sizeBytes > MAX_STRINGS_BYTES) return false
    const isKept = from === 'memory' || sizeBytes <= MAX_KEPT_STRINGS_BYTES
    const bytes = isKept ? readExactly(source, position, sizeBytes) : null
    const kept = bytes === null ? null : new MemorySource(bytes)
    this.#strings.push({ from, position, sizeBytes, base: this.#stringsEnd, kept })
    this.#stringsEnd += sizeBytes
    return true
  }

  #addSymbols({ source, position, sizeBytes }: SectionContent, rank: number): void {
    const inFile = Math.max(0, Math.min(sizeBytes, source.sizeBytes - position))
    const total = Math.min(Math.floor(inFile / SYMBOL_BYTES), MAX_SCANNED)
    const nameBase = this.#strings.at(-1) as Strings
    this.#reserve(Math.min(total, MAX_ROWS - this.#count))
    for (let done = 0; done < total; done += PIECE_SYMBOLS) {
      const wanted = Math.min(PIECE_SYMBOLS, total - done)
      const got = source.read(
        pieceBytes.subarray(0, wanted * SYMBOL_BYTES),
        position + done * SYMBOL_BYTES,
      )
      this.#addPiece(Math.floor(got / SYMBOL_BYTES), nameBase, rank)
    }
  }

  // Elf64_Sym: name u32, info u8, other u8, section u16, value u64, size u64.
  #addPiece(count: number, strings: Strings, rank: number): void {
    const { start, end } = this.#range
    for (let i = 0, at = 0; i < count && this.#count < MAX_ROWS; i++, at += 6) {
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
    const ends = new SectionEnds(sections)
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
          (rank & 2) === 0 ? (this.#sizes[row] as number) : this.#reach(start, rank, next, ends)
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
  #reach(start: number, rank: number, next: number | undefined, ends: SectionEnds): number {
    if ((rank & 4) !== 0) return 1
    const end = ends.after(start + this.#range.start) ?? this.#range.end
    return Math.min(next ?? Number.POSITIVE_INFINITY, end - this.#range.start) - start
  }
}

const SHF_EXECINSTR = 4

/** Ends of sections of code, asked for in ascending order. */
class SectionEnds {
  readonly #sections: readonly { readonly start: number; readonly end: number }[]
  #at = 0

  constructor(sections: readonly ElfSection[]) {
    this.#sections = sections
      .filter(({ flags }) => (flags & SHF_EXECINSTR) !== 0)
      .map(({ vaddr, sizeBytes }) => ({ start: vaddr, end: vaddr + sizeBytes }))
      .sort((a, b) => a.start - b.start)
  }

  after(vaddr: number): number | null {
    while ((this.#sections[this.#at]?.end ?? Number.POSITIVE_INFINITY) <= vaddr) this.#at++
    const section = this.#sections[this.#at]
    return section !== undefined && section.start <= vaddr ? section.end : null
  }
}
