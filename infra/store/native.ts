import type { NativeBlock, NativeColumn } from './store.ts'

// ClickHouse's Native format, one block: the cheapest way in, since the engine takes the columns as
// they are (docs: https://clickhouse.com/docs/interfaces/formats/Native). Plain String goes into
// LowCardinality(String) targets as well; DateTime carries no zone, it is UTC seconds.
//
//   nativeBlock({
//     service: strings(['a', 'b']),
//     series_id: uint64s(words),                         // two u32 a value, low then high: no BigInt
//     stack_ids: arrays([2, 3], uint64s(words)),         // rows of 2 and 1 values
//     labels: maps([1, 2], strings(keys), strings(values)),
//   })
//
// Every supported machine is little endian, as the format is. Typed arrays are not copied: leave
// them alone until the block is inserted.

/** Values of one column. */
export type NativeValues = {
  readonly type: string
  readonly rows: number
  readonly data: Uint8Array
}

/** A block of columns that all have the same number of rows; throws when they do not. */
export function nativeBlock(columns: Readonly<Record<string, NativeValues>>): NativeBlock {
  const entries = Object.entries(columns)
  const rows = entries[0]?.[1].rows ?? 0
  for (const [name, values] of entries)
    if (values.rows !== rows)
      throw new RangeError(`Expected column ${name} to have ${rows} rows, got ${values.rows}.`)
  return { rows, columns: entries.map(([name, { type, data }]) => ({ name, type, data })) }
}

export function strings(values: readonly string[]): NativeValues {
  let size = 0
  for (const value of values) {
    const bytes = Buffer.byteLength(value)
    size += varintBytes(bytes) + bytes
  }
  const data = Buffer.allocUnsafe(size)
  let at = 0
  for (const value of values) {
    const bytes = Buffer.byteLength(value)
    at = writeVarint(data, at, bytes)
    at += data.write(value, at, bytes, 'utf8')
  }
  return { type: 'String', rows: values.length, data }
}

export function uint8s(values: ArrayLike<number>): NativeValues {
  return column('UInt8', Uint8Array.from(values))
}

export function uint16s(values: ArrayLike<number>): NativeValues {
  return column('UInt16', values instanceof Uint16Array ? values : Uint16Array.from(values))
}

export function uint32s(values: ArrayLike<number>): NativeValues {
  return column('UInt32', values instanceof Uint32Array ? values : Uint32Array.from(values))
}

/** From two words a value, low then high (as hash64Into writes them), or from bigints. */
export function uint64s(values: Uint32Array | readonly bigint[]): NativeValues {
  if (values instanceof Uint32Array) {
    if (values.length % 2 !== 0)
      throw new RangeError(`Expected two words a value, got ${values.length} words.`)
    return { type: 'UInt64', rows: values.length / 2, data: bytesOf(values) }
  }
  return column('UInt64', BigUint64Array.from(values))
}

/** From numbers (integers, exact to 2^53), bigints, or two words a value as uint64s takes them. */
export function int64s(
  values: Uint32Array | Float64Array | BigInt64Array | readonly (number | bigint)[],
): NativeValues {
  if (values instanceof Uint32Array) return { ...uint64s(values), type: 'Int64' }
  if (values instanceof BigInt64Array) return column('Int64', values)
  const words = new Uint32Array(values.length * 2)
  for (let i = 0; i < values.length; i++) writeInt64(words, i * 2, values[i] as number | bigint)
  return { type: 'Int64', rows: values.length, data: bytesOf(words) }
}

/** UInt64 from numbers: counts and sizes, integers from 0 to 2^53. */
export function counts(values: ArrayLike<number>): NativeValues {
  const words = new Uint32Array(values.length * 2)
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    if (!(value >= 0)) throw new RangeError(`Expected a count, got ${value}.`)
    writeInt64(words, i * 2, value)
  }
  return { type: 'UInt64', rows: values.length, data: bytesOf(words) }
}

/** Unix seconds. */
export function dateTimes(seconds: ArrayLike<number>): NativeValues {
  return { ...uint32s(seconds), type: 'DateTime' }
}

/** Unix milliseconds, as DateTime64(3). */
export function dateTime64s(milliseconds: readonly number[] | Float64Array): NativeValues {
  return { ...int64s(milliseconds), type: 'DateTime64(3)' }
}

/** Days since 1970-01-01. */
export function dates(days: ArrayLike<number>): NativeValues {
  return { ...uint16s(days), type: 'Date' }
}

/** Row i holds elements [ends[i - 1], ends[i]). */
export function arrays(ends: ArrayLike<number>, elements: NativeValues): NativeValues {
  checkEnds(ends, elements.rows)
  const data = Buffer.concat([endsData(ends), elements.data])
  return { type: `Array(${elements.type})`, rows: ends.length, data }
}

/** Row i holds entries [ends[i - 1], ends[i]). */
export function maps(
  ends: ArrayLike<number>,
  keys: NativeValues,
  values: NativeValues,
): NativeValues {
  checkEnds(ends, keys.rows)
  checkEnds(ends, values.rows)
  const data = Buffer.concat([endsData(ends), keys.data, values.data])
  return { type: `Map(${keys.type}, ${values.type})`, rows: ends.length, data }
}

/** The bytes of a block, in pieces that lie one after the other. */
export function encodeNative(block: NativeBlock): Uint8Array[] {
  return [
    varint(block.columns.length, block.rows),
    ...block.columns.flatMap(({ name, type, data }) => [strings([name, type]).data, data]),
  ]
}

/** What the engine must know to read the block from a file: `a UInt64, b Array(String)`. */
export function nativeStructure(columns: readonly NativeColumn[]): string {
  return columns.map(({ name, type }) => `${name} ${type}`).join(', ')
}

function column(
  type: string,
  values: Uint8Array | Uint16Array | Uint32Array | BigUint64Array | BigInt64Array,
): NativeValues {
  return { type, rows: values.length, data: bytesOf(values) }
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

function checkEnds(ends: ArrayLike<number>, elements: number): void {
  let last = 0
  for (let i = 0; i < ends.length; i++) {
    const end = ends[i] as number
    if (!(end >= last)) throw new RangeError(`Expected ascending ends, got ${end} after ${last}.`)
    last = end
  }
  if (last !== elements)
    throw new RangeError(`Expected the last end to be ${elements}, the elements; got ${last}.`)
}

function endsData(ends: ArrayLike<number>): Uint8Array {
  const words = new Uint32Array(ends.length * 2)
  for (let i = 0; i < ends.length; i++) words[i * 2] = ends[i] as number
  return bytesOf(words)
}

// Two's complement: the high word is the floor of value / 2^32.
function writeInt64(words: Uint32Array, at: number, value: number | bigint): void {
  if (typeof value === 'bigint') {
    words[at] = Number(value & 0xffff_ffffn)
    words[at + 1] = Number((value >> 32n) & 0xffff_ffffn)
    return
  }
  if (!Number.isSafeInteger(value))
    throw new RangeError(`Expected an integer exact to 2^53, got ${value}.`)
  words[at] = value % 0x1_0000_0000
  words[at + 1] = Math.floor(value / 0x1_0000_0000)
}

function varint(...values: readonly number[]): Uint8Array {
  const out = Buffer.allocUnsafe(values.reduce((sum, value) => sum + varintBytes(value), 0))
  values.reduce((at, value) => writeVarint(out, at, value), 0)
  return out
}

function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++
  return bytes
}

function writeVarint(out: Uint8Array, at: number, value: number): number {
  let rest = value
  let i = at
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out[i++] = (rest % 0x80) | 0x80
  out[i++] = rest
  return i
}
