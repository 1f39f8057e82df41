import type { DropReason } from '../../infra/contract/account.ts'
import type { SourceRows } from '../window.ts'
import { KEY, KEY_WORDS } from './sample-layout.ts'
import { WordTable } from './word-table.ts'

/** The rows and the account of one source of samples, in a window that is being built. */
export class SourceBuilder {
  readonly #rows = new WordTable()
  readonly #counts: number[] = []
  readonly #sums: number[] = []
  readonly #dropped: Partial<Record<DropReason, number>> = {}
  #taken = 0
  #idle = 0
  #filtered = 0

  addRow(key: Uint32Array, count: number, sum: number): void {
    const row = this.#rows.intern(key, 0, KEY_WORDS)
    this.#counts[row] = (this.#counts[row] ?? 0) + count
    this.#sums[row] = (this.#sums[row] ?? 0) + sum
  }

  addTaken(taken: number, idle: number, filtered: number): void {
    this.#taken += taken
    this.#idle += idle
    this.#filtered += filtered
  }

  addDropped(reason: DropReason, samples: number): void {
    if (samples > 0) this.#dropped[reason] = (this.#dropped[reason] ?? 0) + samples
  }

  finish(withSums: boolean): SourceRows {
    const rows = this.#rows.size
    const words = this.#rows.words
    const narrow = (field: number) => {
      const column = new Uint32Array(rows)
      for (let row = 0; row < rows; row++) column[row] = words[row * KEY_WORDS + field] as number
      return column
    }
    const wide = (field: number) => {
      const column = new Uint32Array(2 * rows)
      for (let row = 0; row < rows; row++) {
        column[2 * row] = words[row * KEY_WORDS + field] as number
        column[2 * row + 1] = words[row * KEY_WORDS + field + 1] as number
      }
      return new BigUint64Array(column.buffer)
    }
    const comm = new Uint32Array(4 * rows)
    for (let row = 0; row < rows; row++) {
      const from = row * KEY_WORDS + KEY.comm
      comm.set(words.subarray(from, from + 4), 4 * row)
    }
    return {
      taken: this.#taken,
      idle: this.#idle,
      ...(this.#filtered > 0 && { filtered: this.#filtered }),
      dropped: this.#dropped,
      rows,
      tgid: narrow(KEY.tgid),
      startTimeNs: wide(KEY.startTime),
      program: narrow(KEY.program),
      cgroupId: wide(KEY.cgroupId),
      comm: new Uint8Array(comm.buffer),
      kernelThread: Uint8Array.from(narrow(KEY.kernelThread)),
      count: Uint32Array.from(this.#counts),
      ...(withSums && { sum: Float64Array.from(this.#sums) }),
      kernelStack: new Int32Array(narrow(KEY.kernelStack).buffer),
      userStack: new Int32Array(narrow(KEY.userStack).buffer),
    }
  }
}
