import { randomBytes } from 'node:crypto'
import { Scratch } from './scratch.ts'

// The multipliers are secret, so that nobody can choose ids that all fall into one slot; they decide
// places in memory only, never an answer.
const secret = randomBytes(8)
const FACTOR_LOW = secret.readInt32LE(0) | 1
const FACTOR_HIGH = secret.readInt32LE(4) | 1

/** A map from 64-bit ids (two words) to indices >= 0, in typed arrays. */
export class IdTable {
  #shift: number
  #size: number
  #count = 0
  #keys: Uint32Array
  /** Index + 1; 0 = free. */
  #values: Uint32Array

  /** Grows as it must; with `scratch` it uses arrays of that name while `expected` ids are enough. */
  constructor(expected: number, scratch: Scratch = new Scratch(), name = '') {
    // Half full at most when `expected` ids are in.
    const bits = Math.max(4, 32 - Math.clz32(expected * 2))
    this.#shift = 32 - bits
    this.#size = 1 << bits
    this.#keys = scratch.words(`${name} table, keys`, this.#size * 2)
    this.#values = scratch.zeros(`${name} table, values`, this.#size)
  }

  get count(): number {
    return this.#count
  }

  /** The index under an id, or -1. */
  find(lo: number, hi: number): number {
    return (this.#values[this.#slot(lo, hi)] as number) - 1
  }

  /** Puts `index` under an id that has none and answers -1; else answers the index it has. */
  add(lo: number, hi: number, index: number): number {
    const slot = this.#slot(lo, hi)
    const found = (this.#values[slot] as number) - 1
    if (found >= 0) return found
    this.#keys[slot * 2] = lo
    this.#keys[slot * 2 + 1] = hi
    this.#values[slot] = index + 1
    this.#count++
    if (this.#count * 2 > this.#size) this.#grow()
    return -1
  }

  #slot(lo: number, hi: number): number {
    const keys = this.#keys
    const values = this.#values
    const mask = this.#size - 1
    const low = lo >>> 0
    const high = hi >>> 0
    let slot = (Math.imul(low, FACTOR_LOW) + Math.imul(high, FACTOR_HIGH)) >>> this.#shift
    while (values[slot] !== 0 && (keys[slot * 2] !== low || keys[slot * 2 + 1] !== high))
      slot = (slot + 1) & mask
    return slot
  }

  #grow(): void {
    const keys = this.#keys
    const values = this.#values
    this.#shift--
    const size = this.#size
    this.#size = size * 2
    this.#keys = new Uint32Array(size * 4)
    this.#values = new Uint32Array(size * 2)
    for (let i = 0; i < size; i++) {
      if (values[i] === 0) continue
      const slot = this.#slot(keys[i * 2] as number, keys[i * 2 + 1] as number)
      this.#keys[slot * 2] = keys[i * 2] as number
      this.#keys[slot * 2 + 1] = keys[i * 2 + 1] as number
      this.#values[slot] = values[i] as number
    }
  }
}
