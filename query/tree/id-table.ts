import { powerOfTwo } from './trie.ts'

/** A map from 64-bit ids (two words, never 0) to numbers, in typed arrays: 24 to 48 bytes an id. */
export class IdTable {
  #ids: Uint32Array
  #values: Uint32Array
  size = 0

  constructor(capacity = 64) {
    const slots = powerOfTwo(capacity * 2)
    this.#ids = new Uint32Array(slots * 2)
    this.#values = new Uint32Array(slots)
  }

  get bytes(): number {
    return this.#values.length * 12
  }

  /** -1 where the id is not known. */
  get(low: number, high: number): number {
    const slot = this.#slotOf(low, high)
    return this.#isFree(slot) ? -1 : (this.#values[slot] as number)
  }

  set(low: number, high: number, value: number): void {
    let slot = this.#slotOf(low, high)
    if (this.#isFree(slot)) {
      if (this.size * 2 >= this.#values.length) {
        this.#grow()
        slot = this.#slotOf(low, high)
      }
      this.#ids[slot * 2] = low
      this.#ids[slot * 2 + 1] = high
      this.size++
    }
    this.#values[slot] = value
  }

  // Ids are hashes already.
  #slotOf(low: number, high: number): number {
    const mask = this.#values.length - 1
    let slot = (low ^ Math.imul(high, 0x9e37_79b1)) & mask
    while (
      !this.#isFree(slot) &&
      (this.#ids[slot * 2] !== low >>> 0 || this.#ids[slot * 2 + 1] !== high >>> 0)
    )
      slot = (slot + 1) & mask
    return slot
  }

  #isFree(slot: number): boolean {
    return this.#ids[slot * 2] === 0 && this.#ids[slot * 2 + 1] === 0
  }

  #grow(): void {
    const ids = this.#ids
    const values = this.#values
    this.#ids = new Uint32Array(ids.length * 2)
    this.#values = new Uint32Array(values.length * 2)
    for (let slot = 0; slot < values.length; slot++) {
      const low = ids[slot * 2] as number
      const high = ids[slot * 2 + 1] as number
      if (low === 0 && high === 0) continue
      const to = this.#slotOf(low, high)
      this.#ids[to * 2] = low
      this.#ids[to * 2 + 1] = high
      this.#values[to] = values[slot] as number
    }
  }
}
