import { hash64Into } from '../infra/contract/ids.ts'
import { IdTable } from './pprof/id-table.ts'

/**
 * Ids whose rows the store has acknowledged, within a bound: two generations, the older one is
 * forgotten when the younger is full. An id forgotten is only written once more.
 */
export class SeenIds {
  #young: IdTable
  #old: IdTable
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = Math.ceil(capacity / 2)
    this.#young = new IdTable(0)
    this.#old = new IdTable(0)
  }

  has(low: number, high: number): boolean {
    if (this.#young.find(low, high) >= 0) return true
    if (this.#old.find(low, high) < 0) return false
    // What is in use stays.
    this.add(low, high)
    return true
  }

  add(low: number, high: number): void {
    if (this.#young.count >= this.#capacity) {
      this.#old = this.#young
      this.#young = new IdTable(0)
    }
    this.#young.add(low, high, 0)
  }
}

/** Two words that tell ids of one owner (a tenant; a tenant's service) from another's by exclusive or. */
export function saltOf(...owner: readonly (string | number)[]): Uint32Array {
  const text = Buffer.from(owner.join('\0'))
  const salt = new Uint32Array(2)
  hash64Into(text, 0, text.length, salt, 0)
  return salt
}
