import { type ByteSource, readExactly } from '../byte-source.ts'
import type { FunctionTable } from './function-table.ts'
import { FUNCDATA_INL_TREE, FUNCTION, PCDATA_INL_TREE_INDEX } from './layout.ts'

/** A runtime._func as far as it is needed. */
export type GoFunction = {
  /** From where the code begins. */
  readonly start: number
  readonly header: Buffer
  /** Of the table that says which inlined call an address belongs to, within the values; 0 for none. */
  readonly inlineIndex: number
  /** From where inline trees are counted; null when nothing is inlined. */
  readonly inlineTree: number | null
}

// Every so many functions one stands in memory; those between two of them are read at once.
const STEP = 64
const PAIR_BYTES = 8
const PIECE_PAIRS = STEP * 512
// Behind the header are about 15 numbers of tables.
const MAX_FUNCTION_BYTES = 192

/** Finds functions by address: the start of every 64th in memory, the rest in the file. */
export class FunctionIndex {
  readonly #table: FunctionTable
  readonly #starts: Uint32Array

  private constructor(table: FunctionTable, starts: Uint32Array) {
    this.#table = table
    this.#starts = starts
  }

  /** Null when it cannot be read. */
  static load(source: ByteSource, table: FunctionTable): FunctionIndex | null {
    const { functions, index } = table
    const starts = new Uint32Array(Math.ceil(functions / STEP))
    for (let first = 0; first < functions; first += PIECE_PAIRS) {
      const count = Math.min(PIECE_PAIRS, functions - first)
      const pairs = readExactly(source, index + first * PAIR_BYTES, count * PAIR_BYTES)
      if (pairs === null) return null
      for (let i = 0; i < count; i += STEP)
        starts[(first + i) / STEP] = pairs.readUInt32LE(i * PAIR_BYTES)
    }
    return new FunctionIndex(table, starts)
  }

  get bytes(): number {
    return this.#starts.byteLength
  }

  /** The function at `offset` from where the code begins; null when there is none. */
  find(offset: number, source: ByteSource): GoFunction | null {
    const { functions, index } = this.#table
    const first = lastNotAbove(this.#starts.length, offset, (i) => this.#starts[i] as number) * STEP
    if (first < 0) return null
    const count = Math.min(STEP, functions - first)
    // Behind each pair the next one's start, behind the last that of the end.
    const pairs = readExactly(source, index + first * PAIR_BYTES, count * PAIR_BYTES + 4)
    if (pairs === null) return null
    const row = lastNotAbove(count, offset, (i) => pairs.readUInt32LE(i * PAIR_BYTES))
    if (row < 0 || offset >= pairs.readUInt32LE((row + 1) * PAIR_BYTES)) return null
    const start = pairs.readUInt32LE(row * PAIR_BYTES)
    return this.#read(start, pairs.readUInt32LE(row * PAIR_BYTES + 4), source)
  }

  #read(start: number, place: number, source: ByteSource): GoFunction | null {
    const { index, end, layout } = this.#table
    const at = index + place
    const header = readExactly(source, at, Math.min(MAX_FUNCTION_BYTES, end - at))
    const bytes = layout.functionBytes
    if (header === null || header.length < bytes) return null
    const pcData = header.readUInt32LE(FUNCTION.pcDataCount)
    const functionData = header[bytes - 1] as number
    const word = (i: number) => {
      const position = bytes + i * 4
      return position + 4 <= header.length ? header.readUInt32LE(position) : 0xffff_ffff
    }
    const inlineIndex = pcData > PCDATA_INL_TREE_INDEX ? word(PCDATA_INL_TREE_INDEX) : 0
    const tree = functionData > FUNCDATA_INL_TREE ? word(pcData + FUNCDATA_INL_TREE) : 0xffff_ffff
    return { start, header, inlineIndex, inlineTree: tree === 0xffff_ffff ? null : tree }
  }
}

/** The greatest of `count` rows whose value is not above `wanted`; -1 when there is none. */
function lastNotAbove(count: number, wanted: number, valueAt: (row: number) => number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (valueAt(middle) <= wanted) low = middle + 1
    else high = middle
  }
  return low - 1
}
