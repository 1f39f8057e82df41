import { STACK_ERROR } from '../window.ts'
import type { MapCalls } from './libbpf.ts'
import { SECOND_WAY, STACK_BYTES } from './sample-layout.ts'
import type { Slices } from './slices.ts'
import type { WindowBuilder } from './window-builder.ts'

const EINVAL = 22
const EOPNOTSUPP = 95
const ENOTSUPP = 524
const UNSUPPORTED = [-EINVAL, -EOPNOTSUPP, -ENOTSUPP]

/** The two stack maps of one generation. Only for a generation no program writes any more. */
export class StackMaps {
  readonly #calls: MapCalls
  readonly #ways: readonly [number, number]
  readonly #key = new Uint32Array(1)
  readonly #keyBytes = new Uint8Array(this.#key.buffer)
  readonly #stack = new Uint32Array(STACK_BYTES / 4)
  readonly #stackBytes = new Uint8Array(this.#stack.buffer)
  // Taking a stack out in one call is possible since 6.18.
  #takesAtOnce = true

  constructor(calls: MapCalls, ways: readonly [number, number]) {
    this.#calls = calls
    this.#ways = ways
  }

  /** Takes the stack of an id out of its map: its index in `into`, or STACK_ERROR. */
  take(id: number, into: WindowBuilder): number {
    const way = this.#ways[id & SECOND_WAY ? 1 : 0]
    this.#key[0] = id & ~SECOND_WAY
    if (this.#takesAtOnce) {
      const result = this.#calls.lookupAndDelete(way, this.#keyBytes, this.#stackBytes)
      if (result === 0) return into.addStack(this.#stack, 0, this.#stack.length)
      if (!UNSUPPORTED.includes(result)) return STACK_ERROR
      this.#takesAtOnce = false
    }
    if (this.#calls.lookup(way, this.#keyBytes, this.#stackBytes) < 0) return STACK_ERROR
    this.#calls.delete(way, this.#keyBytes)
    return into.addStack(this.#stack, 0, this.#stack.length)
  }

  /**
   * Deletes what is left: stacks of samples whose count found no place. Returns how many those were.
   * A key is deleted after the next one is known: next-key of a deleted key starts over.
   */
  async clear(slices: Slices): Promise<number> {
    let cleared = 0
    for (const way of this.#ways) {
      let previous: Uint8Array | null = null
      let next: Uint8Array = new Uint8Array(4)
      while (this.#calls.nextKey(way, previous, next) === 0) {
        if (previous) this.#calls.delete(way, previous)
        cleared++
        const spare = previous ?? new Uint8Array(4)
        previous = next
        next = spare
        if (slices.due) await slices.yield()
      }
      if (previous) this.#calls.delete(way, previous)
    }
    return cleared
  }
}
