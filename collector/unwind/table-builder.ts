import { PAGE_SHIFT } from '../kernel/unwind-layout.ts'
import { NO_RULE } from './encode-row.ts'

/** An unwind table in the words of bpf/unwind.h: the page index, then the rows. */
export type UnwindTable = {
  readonly words: Uint32Array
  readonly rows: number
  /** Page of the first row. */
  readonly page0: number
  readonly pages: number
}

const WORDS = 2 // of a page or a row

/**
 * Collects the rows of a file. Functions come sorted by address; where they overlap, the first has it.
 * Addresses are relative to the file's lowest mapped one, less than 2^32.
 */
export class TableBuilder {
  readonly #page0: number
  readonly #indexWords: number
  #words: Uint32Array
  #rows = 0
  #lastRule = -1
  #end = 0

  /** All rows will be in [start, end]; of `rowsExpected`, memory is used by what comes. */
  constructor(start: number, end: number, rowsExpected: number) {
    this.#page0 = start >>> PAGE_SHIFT
    this.#indexWords = ((end >>> PAGE_SHIFT) - this.#page0 + 2) * WORDS
    this.#words = new Uint32Array(this.#indexWords + Math.ceil(rowsExpected) * WORDS)
  }

  get bytes(): number {
    return (this.#indexWords + this.#rows * WORDS) * 4
  }

  /** Functions are padded to 16 bytes; what is between two that are farther apart has no rule. */
  beginFunction(start: number): void {
    if (this.#rows > 0 && start > this.#end + 15) this.#add(this.#end, NO_RULE)
  }

  addRow(from: number, to: number, rule: number): void {
    if (to <= this.#end && this.#rows > 0) return
    this.#add(this.#rows > 0 ? Math.max(from, this.#end) : from, rule)
    this.#end = to
  }

  finish(): UnwindTable {
    this.#add(this.#end, NO_RULE)
    const first = this.#page0
    const last = (this.#words[this.#indexWords + (this.#rows - 1) * WORDS] as number) >>> PAGE_SHIFT
    const pages = last - first + 1
    return { words: this.#indexed(pages), rows: this.#rows, page0: first, pages }
  }

  #add(pc: number, rule: number): void {
    if (rule === this.#lastRule) return
    const at = this.#indexWords + this.#rows * WORDS
    if (at === this.#words.length) {
      const grown = new Uint32Array(this.#words.length * 2)
      grown.set(this.#words)
      this.#words = grown
    }
    this.#words[at] = pc
    this.#words[at + 1] = rule
    this.#lastRule = rule
    this.#rows++
  }

  // Index entry i: the rows in force where page0 + i and the page behind it begin.
  #indexed(pages: number): Uint32Array {
    const start = this.#indexWords - pages * WORDS
    const words = this.#words.subarray(start, this.#indexWords + this.#rows * WORDS)
    let row = 0
    for (let page = 0; page < pages; page++) {
      const begin = (this.#page0 + page) * 2 ** PAGE_SHIFT
      while (row + 1 < this.#rows && (words[(pages + row + 1) * WORDS] as number) <= begin) row++
      words[page * WORDS] = pages + row
      if (page > 0) words[page * WORDS - 1] = pages + row
    }
    words[pages * WORDS - 1] = pages + this.#rows - 1
    return words
  }
}
