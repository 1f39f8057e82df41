import { PprofError } from './fault.ts'

export const VARINT = 0
const FIXED64 = 1
export const BYTES = 2
const FIXED32 = 5

/**
 * A cursor over protobuf bytes (https://protobuf.dev/programming-guides/encoding/). It never leaves
 * [pos, end): a message inside another is read by narrowing `end` and restoring it after. 64-bit
 * numbers are two 32-bit words, since JavaScript's numbers end at 2^53.
 */
export class Reader {
  readonly bytes: Uint8Array
  /** Of the same bytes: reads four at a time. */
  readonly view: DataView
  pos = 0
  end: number
  /** Of the field read last. */
  field = 0
  wireType = 0
  /** The number read last: low and high word, signed. */
  lo = 0
  hi = 0
  /** What is being read, for the text of a fault: `sample 12`. */
  #message = ''
  #index = -1

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.end = bytes.length
  }

  /** Goes to a message inside [start, end). */
  enter(message: string, index: number, start: number, end: number): void {
    this.#message = message
    this.#index = index
    this.pos = start
    this.end = end
  }

  /** Reads the next tag; false at the end of the message. */
  next(): boolean {
    if (this.pos >= this.end) return false
    const tag = this.bytes[this.pos] as number
    if (tag < 0x80 && tag >= 8) {
      this.wireType = tag & 7
      this.field = tag >>> 3
      this.pos++
      return true
    }
    this.readVarint()
    this.wireType = this.lo & 7
    this.field = this.lo >>> 3
    // Field numbers end at 2^29 - 1, so a tag fits 32 bits.
    if (this.hi !== 0 || this.field === 0) this.fail('a field number out of range')
    return true
  }

  readVarint(): void {
    const { bytes, pos, end } = this
    const first = bytes[pos] as number
    if (first < 0x80 && pos < end) {
      this.lo = first
      this.hi = 0
      this.pos = pos + 1
      return
    }
    // Ids and string indices mostly take two bytes.
    if (pos + 1 < end) {
      const second = bytes[pos + 1] as number
      if (second < 0x80) {
        this.lo = (first & 0x7f) | (second << 7)
        this.hi = 0
        this.pos = pos + 2
        return
      }
    }
    this.#readLongVarint()
  }

  #readLongVarint(): void {
    const { bytes, end } = this
    let pos = this.pos
    let lo = 0
    let hi = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (pos >= end) this.fail('it ends inside a number')
      const byte = bytes[pos++] as number
      const bits = byte & 0x7f
      if (shift < 28) lo |= bits << shift
      else if (shift === 28) {
        lo |= bits << 28
        hi = bits >>> 4
      } else hi |= bits << (shift - 32)
      if (byte < 0x80) {
        this.lo = lo
        this.hi = hi
        this.pos = pos
        return
      }
    }
    this.fail('a number of more than 10 bytes')
  }

  /** Reads the number of a field that must be one. */
  readNumber(name: string): void {
    if (this.wireType !== VARINT) this.failType(name)
    this.readVarint()
  }

  /** Reads a string's index and holds it to the string table's size. */
  readStringIndex(name: string, strings: number): number {
    this.readNumber(name)
    if (this.hi !== 0 || this.lo >>> 0 >= strings)
      this.fail(`${name} is string ${this.shown()}, the string table has ${strings}`)
    return this.lo
  }

  /** Reads the length of a field that must be bytes; answers where they end. `pos` is their start. */
  readBytesEnd(name: string): number {
    if (this.wireType !== BYTES) this.failType(name)
    this.readVarint()
    const end = this.pos + (this.lo >>> 0)
    if (this.hi !== 0 || end > this.end)
      this.fail(`${name} says ${this.shown()} bytes, ${this.end - this.pos} are left`)
    return end
  }

  /** Skips the value of a field nobody asked for. */
  skip(): void {
    switch (this.wireType) {
      case VARINT:
        this.readVarint()
        break
      case BYTES:
        this.pos = this.readBytesEnd(`field ${this.field}`)
        break
      case FIXED64:
        this.#skipFixed(8)
        break
      case FIXED32:
        this.#skipFixed(4)
        break
      default:
        this.fail(`field ${this.field} has the unknown wire type ${this.wireType}`)
    }
  }

  #skipFixed(size: number): void {
    if (this.end - this.pos < size) this.fail('it ends inside a number')
    this.pos += size
  }

  /** The number read last, unsigned, for the text of a fault. */
  shown(): string {
    return ((BigInt(this.hi >>> 0) << 32n) | BigInt(this.lo >>> 0)).toString()
  }

  failType(name: string): never {
    this.fail(`${name} has the wrong wire type ${this.wireType}`)
  }

  fail(reason: string): never {
    throw new PprofError('malformed', `${this.#place()}: ${reason}`)
  }

  failLimit(reason: string): never {
    throw new PprofError('too_large', `${this.#place()}: ${reason}`)
  }

  #place(): string {
    const which = this.#index < 0 ? this.#message : `${this.#message} ${this.#index}`
    return `${which}, byte ${this.pos}`
  }
}
