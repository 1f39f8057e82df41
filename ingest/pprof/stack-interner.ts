import { hash64Into } from '../../infra/contract/ids.ts'
import { PLACEHOLDER, PLACEHOLDER_MODULE } from '../../infra/contract/profile.ts'
import type { ProfileLimits } from '../limits.ts'
import { type FunctionInterner, sliceOf } from './function-interner.ts'
import { IdTable } from './id-table.ts'
import type { LocationTable } from './locations.ts'
import type { StackColumns } from './profile.ts'
import type { Reader } from './reader.ts'
import type { Scratch } from './scratch.ts'

/** The distinct stacks of a profile, known by the hash of their function ids, root first. */
export class StackInterner {
  ids: Uint32Array
  cutStacks = 0
  #ends: Uint32Array
  #frames: Uint32Array
  #frameCount = 0
  #framesRead = 0
  readonly #byId: IdTable
  readonly #reader: Reader
  readonly #locations: LocationTable
  readonly #functions: FunctionInterner
  readonly #limits: ProfileLimits
  readonly #scratch: Scratch
  /** One stack's function ids, root first. The hash reads its bytes: little endian, as ids are. */
  readonly #words: Uint32Array
  readonly #wordsEnd: number
  readonly #bytes: Uint8Array
  readonly #view: DataView

  /** `expected` stacks: as many as there are samples at most. */
  constructor(
    reader: Reader,
    expected: number,
    locations: LocationTable,
    functions: FunctionInterner,
    limits: ProfileLimits,
    scratch: Scratch,
  ) {
    this.#scratch = scratch
    this.ids = scratch.words('stack ids', expected * 2 + 2)
    this.#ends = scratch.words('stack ends', expected + 1)
    this.#frames = scratch.words('stack frames', 1024)
    this.#byId = new IdTable(expected, scratch, 'stack ids')
    this.#reader = reader
    this.#locations = locations
    this.#functions = functions
    this.#limits = limits
    this.#wordsEnd = (limits.depth + 1) * 2
    this.#words = scratch.words('stack', this.#wordsEnd)
    this.#bytes = new Uint8Array(this.#words.buffer)
    this.#view = new DataView(this.#words.buffer)
  }

  /** The index of the stack of `count` locations, leaf first; the same frames have the same index. */
  intern(stack: Uint32Array, count: number): number {
    const end = this.#wordsEnd
    const start = this.#writeFrames(stack, count, end)
    const index = this.#byId.count
    hash64Into(this.#bytes, start * 4, end * 4, this.ids, index * 2, this.#view)
    const found = this.#byId.add(
      this.ids[index * 2] as number,
      this.ids[index * 2 + 1] as number,
      index,
    )
    if (found >= 0) return found
    const frames = (end - start) / 2
    while ((this.#frameCount + frames) * 2 > this.#frames.length)
      this.#frames = this.#scratch.grow('stack frames', this.#frames)
    const target = this.#frames
    let to = this.#frameCount * 2
    for (let at = start; at < end; at++) target[to++] = this.#words[at] as number
    this.#frameCount += frames
    this.#ends[index] = this.#frameCount
    return index
  }

  /** The columns, in arrays of the scratch. */
  finish(): StackColumns {
    const { count } = this.#byId
    return {
      count,
      ids: this.ids.subarray(0, count * 2),
      ends: this.#ends.subarray(0, count),
      frames: this.#frames.subarray(0, this.#frameCount * 2),
    }
  }

  // Leaf first in, root first out: written from the end of the scratch towards its start. Answers
  // where the root stands.
  #writeFrames(stack: Uint32Array, count: number, end: number): number {
    const { ends, frames } = this.#locations
    const { ids } = this.#functions
    const words = this.#words
    // One place at the root stays free for the placeholder.
    const full = end - this.#limits.depth * 2
    let at = end
    let cut = false
    for (let i = 0; i < count && !cut; i++) {
      const location = stack[i] as number
      const last = ends[location] as number
      for (let f = location === 0 ? 0 : (ends[location - 1] as number); f < last; f++) {
        if (at === full) {
          cut = true
          break
        }
        const id = (frames[f] as number) * 2
        words[--at] = ids[id + 1] as number
        words[--at] = ids[id] as number
      }
    }
    this.#framesRead += (end - at) / 2
    if (this.#framesRead > this.#limits.frames)
      this.#reader.failLimit(`more than ${this.#limits.frames} frames in its stacks together`)
    if (cut) {
      this.cutStacks++
      return this.#writePlaceholder(PLACEHOLDER.truncated, at)
    }
    return count === 0 ? this.#writePlaceholder(PLACEHOLDER.noStack, at) : at
  }

  #writePlaceholder(name: string, at: number): number {
    const index = this.#functions.intern(
      sliceOf(Buffer.from(name)),
      sliceOf(Buffer.alloc(0)),
      sliceOf(Buffer.from(PLACEHOLDER_MODULE)),
    )
    const { ids } = this.#functions
    this.#words[at - 1] = ids[index * 2 + 1] as number
    this.#words[at - 2] = ids[index * 2] as number
    return at - 2
  }
}
