import type { ProfileLimits } from '../limits.ts'
import { BYTES, type Reader, VARINT } from './reader.ts'
import type { Scratch } from './scratch.ts'

/** Where messages of one kind lie in the bytes. */
export class Spans {
  count = 0
  starts: Uint32Array
  ends: Uint32Array
  readonly #name: string
  readonly #limit: number
  readonly #scratch: Scratch

  constructor(name: string, limit: number, scratch: Scratch) {
    this.#name = name
    this.#limit = limit
    this.#scratch = scratch
    this.starts = scratch.words(`${name} spans, starts`, 1024)
    this.ends = scratch.words(`${name} spans, ends`, 1024)
  }

  add(reader: Reader): void {
    const end = reader.readBytesEnd(this.#name)
    const at = this.count
    if (at >= this.#limit) reader.failLimit(`more than ${this.#limit} of ${this.#name}`)
    if (at === this.starts.length) {
      this.starts = this.#scratch.grow(`${this.#name} spans, starts`, this.starts)
      this.ends = this.#scratch.grow(`${this.#name} spans, ends`, this.ends)
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
export function readLayout(reader: Reader, limits: ProfileLimits, scratch: Scratch): Layout {
  const sampleTypes = new Spans('sample_type', limits.sampleTypes, scratch)
  const samples = new Spans('sample', limits.samples, scratch)
  const mappings = new Spans('mapping', limits.mappings, scratch)
  const locations = new Spans('location', limits.locations, scratch)
  const functions = new Spans('function', limits.functions, scratch)
  const strings = new Spans('string_table', limits.strings, scratch)
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

function readInt64(reader: Reader, name: string): bigint {
  reader.readNumber(name)
  return (BigInt(reader.hi) << 32n) | BigInt(reader.lo >>> 0)
}
