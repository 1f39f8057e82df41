import { isUtf8 } from 'node:buffer'
import type { Spans } from './layout.ts'
import type { Reader } from './reader.ts'

/** The string table: bytes that are checked, and strings only of those that are asked for. */
export class StringTable {
  readonly count: number
  readonly starts: Uint32Array
  readonly ends: Uint32Array
  readonly #bytes: Buffer
  readonly #made = new Map<number, string>()

  constructor(reader: Reader, spans: Spans) {
    const { bytes, view } = reader
    this.count = spans.count
    this.starts = spans.starts
    this.ends = spans.ends
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    reader.enter('string_table', -1, 0, bytes.length)
    if (this.count === 0) reader.fail('it is missing; string 0 must be ""')
    if (this.ends[0] !== this.starts[0]) reader.fail('string 0 must be ""')
    for (let i = 1; i < this.count; i++) {
      const start = this.starts[i] as number
      const end = this.ends[i] as number
      // Bit 7 of each byte is set by a byte >= 0x80 and, through the borrow, by a byte 0: all other
      // strings are plain ASCII, and nearly all strings are.
      let sum = 0
      let at = start
      for (; at + 4 <= end; at += 4) {
        const word = view.getInt32(at, true)
        sum |= word | (word - 0x01010101)
      }
      for (; at < end; at++) sum |= (bytes[at] as number) | ((bytes[at] as number) - 1)
      if ((sum & 0x80808080) !== 0) this.#check(reader, i, start, end)
    }
  }

  /** UTF-8 as pprof demands, and no NUL: it separates the parts that ids are hashes of. */
  #check(reader: Reader, index: number, start: number, end: number): void {
    const bytes = this.#bytes.subarray(start, end)
    reader.enter('string_table', index, start, end)
    if (!isUtf8(bytes)) reader.fail('it is not UTF-8')
    if (bytes.includes(0)) reader.fail('it contains a NUL byte')
  }

  isEmpty(index: number): boolean {
    return this.starts[index] === this.ends[index]
  }

  get(index: number): string {
    let text = this.#made.get(index)
    if (text === undefined) {
      text = this.#bytes.toString('utf8', this.starts[index], this.ends[index])
      this.#made.set(index, text)
    }
    return text
  }
}
