import { type ByteSource, readCString } from './byte-source.ts'

// The functions of one ELF file as sorted columns: 12 bytes a row. Names stay in the file unless its
// string table is small; only those that are asked for are read (Node's string table is 12 MB, of
// which a profile needs some thousand names).

/** Where a string table lies: in the image's own file, in its separate debug file, or kept in memory. */
export type Strings = {
  readonly from: 'image' | 'debug' | 'memory'
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

// A C library with its debug symbols has 5,000 functions: 5 ms.
const MAX_SEARCHED_ROWS = 50_000
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

  /** The addresses of functions by their names in the file: reads every name, of a small table only. */
  findByName(names: ReadonlySet<string>, open: OpenStrings): number[] {
    const found: number[] = []
    if (this.rows > MAX_SEARCHED_ROWS) return found
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
