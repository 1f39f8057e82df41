import type { ProfileLimits } from '../limits.ts'
import { BYTES, type Reader, VARINT } from './reader.ts'

/** Where messages of one kind lie in the bytes. */
export class Spans {
  count = 0
  starts: Uint32Array = new Uint32Array(1024)
  ends: Uint32Array = new Uint32Array(1024)
  readonly #name: string
  readonly #limit: number

  constructor(name: string, limit: number) {
    this.#name = name
    this.#limit = limit
  }

  add(reader: Reader): void {
    const end = reader.readBytesEnd(this.#name)
    const at = this.count
    if (at >= this.#limit) reader.failLimit(`more than ${this.#limit} of ${this.#name}`)
    if (at === this.starts.length) {
      this.starts = doubleWords(this.starts)
      this.ends = doubleWords(this.ends)
    }
    this.starts[at] = reader.pos
    this.ends[at] = end
    this.count++
    reader.pos = end
  }
}

/** The top level of a Profile message: its numbers, and where the rest lies. */
export type Layout = {
  readonly sampleTypes: Spans
  readonly samples: Spans
  readonly mappings: Spans
  readonly locations: Spans
  readonly functions: Spans
  readonly strings: Spans
  /** An empty range when there is none. */
  readonly periodType: { readonly start: number; readonly end: number }
  readonly period: bigint
  readonly timeNs: bigint
  readonly durationNs: bigint
}

/** Walks the top level once and holds every count to its limit. */
export function readLayout(reader: Reader, limits: ProfileLimits): Layout {
  const sampleTypes = new Spans('sample_type', limits.sampleTypes)
  const samples = new Spans('sample', limits.samples)
  const mappings = new Spans('mapping', limits.mappings)
  const locations = new Spans('location', limits.locations)
  const functions = new Spans('function', limits.functions)
  const strings = new Spans('string_table', limits.strings)
  const periodType = { start: 0, end: 0 }
  let period = 0n
  let timeNs = 0n
  let durationNs = 0n
  // The string table may come last, so references into it are held to its size at the end.
  let lastString = 0
  let lastStringName = ''

  function readReference(name: string): void {
    reader.readVarint()
    const index = (reader.hi >>> 0) * 0x1_0000_0000 + (reader.lo >>> 0)
    if (index <= lastString) return
    lastString = index
    lastStringName = name
  }

  function readStringField(name: string): void {
    if (reader.wireType !== VARINT) reader.failType(name)
    readReference(name)
  }

  reader.enter('profile', -1, 0, reader.bytes.length)
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        sampleTypes.add(reader)
        break
      case 2:
        samples.add(reader)
        break
      case 3:
        mappings.add(reader)
        break
      case 4:
        locations.add(reader)
        break
      case 5:
        functions.add(reader)
        break
      case 6:
        strings.add(reader)
        break
      case 9:
        if (timeNs !== 0n) reader.fail('a second time_nanos: two profiles, one after the other')
        timeNs = readInt64(reader, 'time_nanos')
        break
      case 10:
        durationNs = readInt64(reader, 'duration_nanos')
        break
      case 11:
        periodType.end = reader.readBytesEnd('period_type')
        periodType.start = reader.pos
        reader.pos = periodType.end
        break
      case 12:
        period = readInt64(reader, 'period')
        break
      case 13:
        if (reader.wireType === BYTES) {
          const { end } = reader
          reader.end = reader.readBytesEnd('comment')
          while (reader.pos < reader.end) readReference('comment')
          reader.end = end
          break
        }
        readStringField('comment')
        break
      case 7:
      case 8:
      case 14:
      case 15:
        readStringField(`field ${reader.field}`)
        break
      default:
        reader.skip()
    }
  }

  if (lastString >= Math.max(1, strings.count))
    reader.fail(`${lastStringName} is string ${lastString}, the string table has ${strings.count}`)
  return {
    sampleTypes,
    samples,
    mappings,
    locations,
    functions,
    strings,
    periodType,
    period,
    timeNs,
    durationNs,
  }
}

export function readInt64(reader: Reader, name: string): bigint {
  reader.readNumber(name)
  return (BigInt(reader.hi) << 32n) | BigInt(reader.lo >>> 0)
}

export function doubleWords(words: Uint32Array): Uint32Array {
  const larger = new Uint32Array(words.length * 2)
  larger.set(words)
  return larger
}
