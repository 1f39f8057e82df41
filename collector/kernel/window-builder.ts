import type { DropReason } from '../../infra/contract/account.ts'
import type { SampleWindow } from '../window.ts'
import { STACK_ABSENT } from '../window.ts'
import { KEY, KEY_WORDS } from './sample-layout.ts'
import { WordTable } from './word-table.ts'

/** Collects what one or more readings of the kernel's maps found, merging equal rows and stacks. */
export class WindowBuilder {
  readonly #stacks = new WordTable()
  readonly #rows = new WordTable()
  readonly #counts: number[] = []
  readonly #dropped: Partial<Record<DropReason, number>> = {}
  readonly #startMs: number
  #taken = 0
  #idle = 0

  constructor(startMs: number) {
    this.#startMs = startMs
  }

  /**
   * `words` are 64-bit addresses, leaf first, low word before high. Zeros at the end are no part of a
   * stack; one without any frame is STACK_ABSENT.
   */
  addStack(words: Uint32Array, from: number, length: number): number {
    let end = length
    while (end > 0 && words[from + end - 1] === 0 && words[from + end - 2] === 0) end -= 2
    return end === 0 ? STACK_ABSENT : this.#stacks.intern(words, from, end)
  }

  /** `key` is a struct sample_key whose stack ids are replaced by indexes of stacks or STACK_…. */
  addRow(key: Uint32Array, count: number): void {
    const row = this.#rows.intern(key, 0, KEY_WORDS)
    this.#counts[row] = (this.#counts[row] ?? 0) + count
  }

  addTaken(taken: number, idle: number): void {
    this.#taken += taken
    this.#idle += idle
  }

  addDropped(reason: DropReason, samples: number): void {
    if (samples > 0) this.#dropped[reason] = (this.#dropped[reason] ?? 0) + samples
  }

  finish(endMs: number, frequencyHz: number): SampleWindow {
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
    const stackEnd = this.#stacks.ends.slice(0, this.#stacks.size).map((end) => end / 2)
    const addressWords = this.#stacks.words.slice(0, 2 * (stackEnd.at(-1) ?? 0))
    return {
      startMs: this.#startMs,
      endMs,
      frequencyHz,
      taken: this.#taken,
      idle: this.#idle,
      dropped: this.#dropped,
      rows,
      tgid: narrow(KEY.tgid),
      startTimeNs: wide(KEY.startTime),
      cgroupId: wide(KEY.cgroupId),
      comm: new Uint8Array(comm.buffer),
      kernelThread: Uint8Array.from(narrow(KEY.kernelThread)),
      count: Uint32Array.from(this.#counts),
      kernelStack: new Int32Array(narrow(KEY.kernelStack).buffer),
      userStack: new Int32Array(narrow(KEY.userStack).buffer),
      stackEnd,
      addresses: new BigUint64Array(addressWords.buffer),
    }
  }
}
