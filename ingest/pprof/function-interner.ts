import { hash64Into } from '../../infra/contract/ids.ts'
import type { ProfileLimits } from '../limits.ts'
import { IdTable } from './id-table.ts'
import type { FunctionColumns } from './profile.ts'
import type { Reader } from './reader.ts'
import type { Scratch } from './scratch.ts'

const ELLIPSIS = Buffer.from('…')

/** Bytes [start, end) of some text. */
export type Slice = { readonly view: DataView; readonly start: number; readonly end: number }

/** The whole of `bytes`. */
export function sliceOf(bytes: Uint8Array): Slice {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return { view, start: 0, end: bytes.length }
}

/**
 * The functions of a profile as the store knows them: distinct (name, file, module), known by the
 * hash of their text. No string is made of any of them.
 */
export class FunctionInterner {
  ids: Uint32Array
  cutNames = 0
  #ends: Uint32Array
  #text: Uint8Array<ArrayBuffer>
  #view: DataView
  #textEnd = 0
  #hashedBytes = 0
  readonly #reader: Reader
  readonly #limits: ProfileLimits
  readonly #scratch: Scratch
  readonly #byId: IdTable

  /** `expected` functions: nearly always the profile's own count. */
  constructor(reader: Reader, expected: number, limits: ProfileLimits, scratch: Scratch) {
    this.#reader = reader
    this.#limits = limits
    this.#scratch = scratch
    this.ids = scratch.words('interned ids', expected * 2 + 2)
    this.#ends = scratch.words('interned ends', expected * 3 + 3)
    this.#byId = new IdTable(expected, scratch, 'interned ids')
    this.#text = new Uint8Array(scratch.words('interned text', expected * 24).buffer)
    this.#view = new DataView(this.#text.buffer)
  }

  /** The index of a function; the same text has the same index. */
  intern(name: Slice, file: Slice, module: Slice): number {
    const start = this.#textEnd
    const index = this.#byId.count
    this.#reserve(lengthOf(name) + lengthOf(file) + lengthOf(module))
    if (index * 3 + 3 > this.#ends.length)
      this.#ends = this.#scratch.grow('interned ends', this.#ends)
    if (index * 2 + 2 > this.ids.length) this.ids = this.#scratch.grow('interned ids', this.ids)
    this.#append(name)
    this.#ends[index * 3] = this.#textEnd
    this.#text[this.#textEnd++] = 0
    this.#append(file)
    this.#ends[index * 3 + 1] = this.#textEnd
    this.#text[this.#textEnd++] = 0
    this.#append(module)
    this.#ends[index * 3 + 2] = this.#textEnd
    this.#hashedBytes += this.#textEnd - start
    if (this.#hashedBytes > this.#limits.functionBytes)
      this.#reader.failLimit(
        `names and files of its functions have more than ${this.#limits.functionBytes} bytes`,
      )
    hash64Into(this.#text, start, this.#textEnd, this.ids, index * 2, this.#view)
    const found = this.#byId.add(
      this.ids[index * 2] as number,
      this.ids[index * 2 + 1] as number,
      index,
    )
    if (found < 0) return index
    this.#textEnd = start
    return found
  }

  /** The columns, in arrays of the scratch. */
  finish(): FunctionColumns {
    const { count } = this.#byId
    return {
      count,
      ids: this.ids.subarray(0, count * 2),
      text: this.#text.subarray(0, this.#textEnd),
      ends: this.#ends.subarray(0, count * 3),
    }
  }

  #append({ view, start, end }: Slice): void {
    const cut = end - start > this.#limits.nameBytes
    const last = cut ? characterStart(view, start + this.#limits.nameBytes - ELLIPSIS.length) : end
    const text = this.#view
    let to = this.#textEnd
    let at = start
    // Names are too short for the call of set() to pay.
    for (; at + 4 <= last; at += 4, to += 4) text.setInt32(to, view.getInt32(at, true), true)
    while (at < last) text.setUint8(to++, view.getUint8(at++))
    if (cut) {
      this.#text.set(ELLIPSIS, to)
      to += ELLIPSIS.length
      this.cutNames++
    }
    this.#textEnd = to
  }

  #reserve(size: number): void {
    // Room for separators and ellipses as well.
    const needed = this.#textEnd + Math.min(size, this.#limits.nameBytes * 3) + 16
    if (needed <= this.#text.length) return
    const larger = new Uint8Array(Math.max(needed, this.#text.length * 2))
    larger.set(this.#text)
    this.#text = larger
    this.#view = new DataView(larger.buffer)
  }
}

function lengthOf({ start, end }: Slice): number {
  return end - start
}

/** The last place at or before `at` where a UTF-8 character starts. */
function characterStart(view: DataView, at: number): number {
  let start = at
  while ((view.getUint8(start) & 0xc0) === 0x80) start--
  return start
}
