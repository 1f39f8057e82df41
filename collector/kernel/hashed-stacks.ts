import type { MapCalls } from './libbpf.ts'
import { USER_STACK } from './sample-layout.ts'
import type { Slices } from './slices.ts'
import { takeEntries } from './take-entries.ts'
import type { WindowBuilder } from './window-builder.ts'

// 256 KiB at once.
const SHAPE = { keyWords: 2, valueWords: USER_STACK.words, chunk: 256 }

/** The stacks of one generation that the program keeps by hash, by the two words of it. */
export class HashedStacks {
  readonly #calls: MapCalls
  readonly #fd: number
  readonly #indexes = new Map<bigint, number>()

  constructor(calls: MapCalls, fd: number) {
    this.#calls = calls
    this.#fd = fd
  }

  /** Of the last take(). */
  get size(): number {
    return this.#indexes.size
  }

  /**
   * Takes all stacks out of the kernel's map into a window. Only for a generation no program writes any
   * more. Returns 0, or the negative errno that ended it early.
   */
  take(into: WindowBuilder, slices: Slices): Promise<number> {
    this.#indexes.clear()
    return takeEntries(this.#calls, this.#fd, SHAPE, slices, ([low = 0, high = 0], stack) => {
      const words = 2 * (stack[USER_STACK.length] as number)
      this.#indexes.set(hashOf(low, high), into.addStack(stack, USER_STACK.addresses, words))
    })
  }

  /** The stack's index in the window of the last take(); undefined when there was none. */
  find(low: number, high: number): number | undefined {
    return this.#indexes.get(hashOf(low, high))
  }
}

function hashOf(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low)
}
