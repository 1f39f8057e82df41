import { IdTable } from './id-table.ts'
import type { Reader } from './reader.ts'

/**
 * The ids of a kind of message. Most writers count them from 1, so that an array finds them; some
 * use addresses or hashes, which go to a table.
 */
export class MessageIds {
  /** Index + 1; 0 = none. */
  readonly #dense: Uint32Array
  readonly #rest = new IdTable(0)

  constructor(count: number) {
    this.#dense = new Uint32Array(count * 2 + 1)
  }

  /** The index of the message whose id was read last, or -1. */
  find(reader: Reader): number {
    const { lo, hi } = reader
    if (hi === 0 && lo >= 0 && lo < this.#dense.length) return (this.#dense[lo] as number) - 1
    return this.#rest.find(lo, hi)
  }

  /** Gives an id to a message, or fails: an id names one message, and 0 stands for none. */
  add(reader: Reader, lo: number, hi: number, index: number): void {
    if (lo === 0 && hi === 0) reader.fail('its id is 0, which stands for none')
    let known: boolean
    if (hi === 0 && lo >= 0 && lo < this.#dense.length) {
      known = this.#dense[lo] !== 0
      this.#dense[lo] = index + 1
    } else known = this.#rest.add(lo, hi, index) >= 0
    if (known) reader.fail('its id is that of an earlier one')
  }
}
