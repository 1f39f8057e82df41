import { IdTable } from './id-table.ts'
import type { Reader } from './reader.ts'
import type { Scratch } from './scratch.ts'

/**
 * The ids of a kind of message. Most writers count them from 1, so that an array finds them; some
 * use addresses or hashes, which go to a table.
 */
export class MessageIds {
  /** Index + 1; 0 = none. */
  readonly #dense: Uint32Array
  readonly #denseLength: number
  readonly #rest: IdTable

  constructor(count: number, scratch: Scratch, name: string) {
    this.#denseLength = count * 2 + 1
    this.#dense = scratch.zeros(`${name} dense`, this.#denseLength)
    this.#rest = new IdTable(0, scratch, name)
  }

  /** The index of the message whose id was read last, or -1. */
  find(reader: Reader): number {
    const { lo, hi } = reader
    if (hi === 0 && lo >= 0 && lo < this.#denseLength) return (this.#dense[lo] as number) - 1
    return this.#rest.find(lo, hi)
  }

  /** Gives an id to a message, or fails: an id names one message, and 0 stands for none. */
  add(reader: Reader, lo: number, hi: number, index: number): void {
    if (lo === 0 && hi === 0) reader.fail('its id is 0, which stands for none')
    let known: boolean
    if (hi === 0 && lo >= 0 && lo < this.#denseLength) {
      known = this.#dense[lo] !== 0
      this.#dense[lo] = index + 1
    } else known = this.#rest.add(lo, hi, index) >= 0
    if (known) reader.fail('its id is that of an earlier one')
  }
}
