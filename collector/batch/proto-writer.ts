// Writes protobuf (https://protobuf.dev/programming-guides/encoding/). As in every encoder of proto3, a field
// that is 0 or '' is left out.

const VARINT = 0
const BYTES = 2
const FIRST_BYTES = 1 << 14
const LONGEST_VARINT = 10

/** One message, or the fields of one that follow each other; used again after clear(). */
export class ProtoWriter {
  #bytes: Buffer<ArrayBuffer> = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #end = 0

  get length(): number {
    return this.#end
  }

  /** Valid until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#end)
  }

  clear(): void {
    this.#end = 0
  }

  /** Fields below 16, as all of pprof's are. */
  number(field: number, value: number | bigint): void {
    if (value === 0 || value === 0n) return
    this.#reserve(1 + LONGEST_VARINT)
    this.#bytes[this.#end++] = (field << 3) | VARINT
    this.varint(value)
  }

  /** Several in one field, zeros too. */
  packed(field: number, values: readonly number[]): void {
    if (values.length === 0) return
    let size = 0
    for (let i = 0; i < values.length; i++) size += sizeOfVarint(values[i] as number)
    this.#begin(field, size)
    for (let i = 0; i < values.length; i++) this.varint(values[i] as number)
  }

  message(field: number, content: Uint8Array): void {
    if (content.length === 0) return
    this.#begin(field, content.length)
    this.raw(content)
  }

  /** An element of a repeated field: '' is one as well. */
  text(field: number, value: string): void {
    // UTF-8 has at most three bytes for each unit of UTF-16.
    this.#reserve(1 + LONGEST_VARINT + 3 * value.length)
    this.#bytes[this.#end++] = (field << 3) | BYTES
    // Nearly all are ASCII; others move by the byte their length needs besides.
    const guess = sizeOfVarint(value.length)
    const start = this.#end + guess
    const length = this.#bytes.write(value, start)
    const size = sizeOfVarint(length)
    if (size !== guess) this.#bytes.copyWithin(this.#end + size, start, start + length)
    this.varint(length)
    this.#end += length
  }

  /** Fields that are written already. */
  raw(content: Uint8Array): void {
    this.#reserve(content.length)
    this.#bytes.set(content, this.#end)
    this.#end += content.length
  }

  varint(value: number | bigint): void {
    this.#reserve(LONGEST_VARINT)
    const bytes = this.#bytes
    if (typeof value === 'number' && value < 0x1000_0000) {
      let rest = value
      while (rest > 127) {
        bytes[this.#end++] = (rest & 127) | 128
        rest >>>= 7
      }
      bytes[this.#end++] = rest
      return
    }
    const wide = BigInt.asUintN(64, BigInt(value))
    let low = Number(wide & 0xffff_ffffn)
    let high = Number(wide >> 32n)
    while (high > 0 || low > 127) {
      bytes[this.#end++] = (low & 127) | 128
      low = ((low >>> 7) | (high << 25)) >>> 0
      high >>>= 7
    }
    bytes[this.#end++] = low
  }

  #begin(field: number, length: number): void {
    this.#reserve(1 + LONGEST_VARINT + length)
    this.#bytes[this.#end++] = (field << 3) | BYTES
    this.varint(length)
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#end + more))
    this.#bytes.copy(grown, 0, 0, this.#end)
    this.#bytes = grown
  }
}

/** Of a number from 0 to 2^53. */
function sizeOfVarint(value: number): number {
  let size = 1
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++
  return size
}
