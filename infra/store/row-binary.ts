import { FlamewatchError } from '../runtime/errors.ts'

// Reads ClickHouse's RowBinary: no framing, so the reader must ask in the order of the SELECT. Each
// read is checked against the end of the bytes; a wrong order shows as `store_error`, not as garbage
// beyond them. 64-bit ids are read as two words where BigInt would cost too much.
// https://clickhouse.com/docs/interfaces/formats/RowBinary

export class RowBinaryReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** False when every row was read. */
  get more(): boolean {
    return this.#at < this.#bytes.length
  }

  u8(): number {
    return this.#bytes[this.#take(1)] as number
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#take(2))
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4))
  }

  u64(): bigint {
    return this.#bytes.readBigUInt64LE(this.#take(8))
  }

  i64(): bigint {
    return this.#bytes.readBigInt64LE(this.#take(8))
  }

  f64(): number {
    return this.#bytes.readDoubleLE(this.#take(8))
  }

  /** UInt64 as a number: exact to 2^53, rounded beyond. */
  u64Number(): number {
    const at = this.#take(8)
    return this.#bytes.readUInt32LE(at) + this.#bytes.readUInt32LE(at + 4) * 0x1_0000_0000
  }

  /** Int64 as a number: exact to 2^53, rounded beyond. */
  i64Number(): number {
    const at = this.#take(8)
    return this.#bytes.readUInt32LE(at) + this.#bytes.readInt32LE(at + 4) * 0x1_0000_0000
  }

  /** UInt64 as two words, low then high, to out[at], out[at + 1]. */
  u64Into(out: Uint32Array, at: number): void {
    const from = this.#take(8)
    out[at] = this.#bytes.readUInt32LE(from)
    out[at + 1] = this.#bytes.readUInt32LE(from + 4)
  }

  string(): string {
    const length = this.varint()
    const at = this.#take(length)
    return this.#bytes.toString('utf8', at, at + length)
  }

  /** Number of elements of an Array, or entries of a Map, that follow. */
  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      // The sixth byte would begin at 2^42: no result is that long.
      if (scale >= 0x10_0000_0000) throw this.#fault(`a length beyond 2^42`)
    }
  }

  array<T>(read: (reader: this) => T): T[] {
    const length = this.varint()
    // An element takes a byte at least: a wrong length must not allocate first.
    if (length > this.#bytes.length - this.#at) throw this.#fault(`an array of ${length} elements`)
    const out = new Array<T>(length)
    for (let i = 0; i < length; i++) out[i] = read(this)
    return out
  }

  /** An Array of 8-byte integers as words, low then high, copied out of the result. */
  words64(): Uint32Array {
    const length = this.varint()
    const at = this.#take(length * 8)
    const out = new Uint32Array(length * 2)
    new Uint8Array(out.buffer).set(this.#bytes.subarray(at, at + length * 8))
    return out
  }

  #take(bytes: number): number {
    const at = this.#at
    if (at + bytes > this.#bytes.length) throw this.#fault(`${bytes} bytes`)
    this.#at = at + bytes
    return at
  }

  #fault(wanted: string): FlamewatchError {
    return new FlamewatchError(
      'store_error',
      `Expected ${wanted} at byte ${this.#at} of a RowBinary result of ${this.#bytes.length} bytes.`,
    )
  }
}
