import { Cursor } from '../symbolize/call-frame.ts'
import { type Cie, parseCie } from '../symbolize/eh-frame.ts'
import { runCie } from './frame-program.ts'
import type { FrameState, Registers } from './frame-state.ts'
import { type Place, readAddress, readLength } from './read-pointer.ts'

export type FrameEntry = {
  readonly cie: Cie
  /** What the instructions of the CIE left. */
  readonly initial: FrameState
  /** The function's addresses: [start, end). */
  readonly start: number
  readonly end: number
  /** Where its instructions are in the section. */
  readonly from: number
  readonly to: number
}

type KnownCie = { readonly cie: Cie; readonly initial: FrameState }

const EXTENDED_LENGTH = 0xffffffff
const MOST_ADDRESS = 2 ** 32 - 1

/**
 * The functions of an .eh_frame section by address. Those whose addresses have more than 32 bits are
 * left out.
 */
export class FrameEntries {
  /** Behind the last function. */
  end = 0
  /** Entries that are not understood. */
  unsupported = 0
  readonly #bytes: Buffer
  readonly #place: Place
  readonly #registers: Registers
  readonly #cies = new Map<number, KnownCie | null>()
  readonly #cursor: Cursor
  // Two words for each: where the entry's length is, then where the function begins. As one number of
  // 64 bits they sort without further memory: there are 100,000 in Node.
  readonly #words: Uint32Array

  /** `bytes` is the whole section. */
  constructor(bytes: Buffer, place: Place, registers: Registers) {
    this.#bytes = bytes
    this.#place = place
    this.#registers = registers
    this.#cursor = new Cursor(bytes, 0)
    const words = new Uint32Array(2 * countEntries(bytes))
    let used = 0
    for (const at of entriesOf(bytes)) {
      if (bytes.readUInt32LE(bodyAt(bytes, at)) === 0) {
        this.#readCie(at)
        continue
      }
      const entry = this.#read(at)
      if (entry === null) this.unsupported++
      // Functions the linker removed begin at 0; their entries remain.
      if (entry === null || entry.start + place.base === 0 || entry.start === entry.end) continue
      words[used++] = at
      words[used++] = entry.start
      this.end = Math.max(this.end, entry.end)
    }
    this.#words = words.subarray(0, used)
    new BigUint64Array(words.buffer, 0, used / 2).sort()
  }

  get count(): number {
    return this.#words.length / 2
  }

  /** Of the first function. */
  get start(): number {
    return this.#words[1] ?? 0
  }

  get(index: number): FrameEntry {
    return this.#read(this.#words[2 * index] as number) as FrameEntry
  }

  #readCie(at: number): void {
    const bytes = this.#bytes
    const body = bodyAt(bytes, at)
    const entry = bytes.subarray(body - 4, endAt(bytes, at))
    const cie = parseCie(entry)
    const initial = cie === null ? null : runCie(entry, cie, this.#registers)
    const isKnown = cie !== null && initial !== null
    if (!isKnown) this.unsupported++
    this.#cies.set(at, isKnown ? { cie, initial } : null)
  }

  /** Null for a function that is not understood. */
  #read(at: number): FrameEntry | null {
    const body = bodyAt(this.#bytes, at)
    const to = endAt(this.#bytes, at)
    const known = this.#cies.get(body - this.#bytes.readUInt32LE(body))
    if (!known) return null
    const { cie, initial } = known
    const cursor = this.#cursor
    cursor.moveTo(body + 4, to)
    const start = readAddress(cursor, cie.pointerEncoding, this.#place)
    const end = start + readLength(cursor, cie.pointerEncoding)
    if (cie.hasAugmentationData) cursor.skip(cursor.uleb())
    if (cursor.overrun || !(start >= 0 && end >= start && end <= MOST_ADDRESS)) return null
    return { cie, initial, start, end, from: cursor.at, to }
  }
}

/** The entries before the first terminator. */
export function cutAtTerminator(bytes: Buffer): Buffer {
  for (let at = 0; at + 4 <= bytes.length; at = endAt(bytes, at))
    if (bytes.readUInt32LE(at) === 0) return bytes.subarray(0, at)
  return bytes
}

/** Where the entries with a body begin. */
function* entriesOf(bytes: Buffer): Generator<number> {
  // Linkers leave the terminator of every object file where it was: zero may not be the last.
  for (let at = 0; at + 8 <= bytes.length; ) {
    const end = endAt(bytes, at)
    if (end > bytes.length) return
    if (end - bodyAt(bytes, at) >= 4) yield at
    at = end
  }
}

function countEntries(bytes: Buffer): number {
  let count = 0
  for (const _ of entriesOf(bytes)) count++
  return count
}

function bodyAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) === EXTENDED_LENGTH ? at + 12 : at + 4
}

function endAt(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32LE(at)
  if (length !== EXTENDED_LENGTH) return at + 4 + length
  if (at + 12 > bytes.length || bytes.readUInt32LE(at + 8) !== 0) return Number.POSITIVE_INFINITY
  return at + 12 + bytes.readUInt32LE(at + 4)
}
