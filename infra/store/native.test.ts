import { describe, expect, it } from 'vitest'
import {
  arrays,
  counts,
  dates,
  dateTime64s,
  dateTimes,
  encodeNative,
  int64s,
  maps,
  nativeBlock,
  nativeStructure,
  strings,
  uint8s,
  uint16s,
  uint32s,
  uint64s,
} from './native.ts'

const hex = (values: { data: Uint8Array }) => Buffer.from(values.data).toString('hex')

describe('a Native block', () => {
  it('is a count of columns and rows, then name, type and data of each column', () => {
    const block = nativeBlock({ n: uint8s([1, 2]), s: strings(['a', '']) })
    expect(Buffer.concat(encodeNative(block)).toString('hex')).toBe(
      '0202' + '016e' + '0555496e7438' + '0102' + '0173' + '06537472696e67' + '016100',
    )
    expect(nativeStructure(block.columns)).toBe('n UInt8, s String')
  })

  it('refuses columns of different length', () => {
    expect(() => nativeBlock({ a: uint8s([1]), b: uint8s([]) })).toThrow('column b to have 1 rows')
  })
})

describe('column values', () => {
  it('are little endian', () => {
    expect(hex(uint16s([0x0102]))).toBe('0201')
    expect(hex(uint32s([0xfffefdfc]))).toBe('fcfdfeff')
    expect(hex(dateTimes([1]))).toBe('01000000')
    expect(hex(dates([258]))).toBe('0201')
  })

  it('write ids alike from words and from bigints', () => {
    const words = Uint32Array.of(0x89abcdef, 0x01234567)
    expect(hex(uint64s(words))).toBe('efcdab8967452301')
    expect(hex(uint64s([0x0123456789abcdefn]))).toBe('efcdab8967452301')
    expect(uint64s(words).rows).toBe(1)
  })

  it('write signed values alike from numbers, bigints and typed arrays', () => {
    const values = [0, -1, 10_000_000, -(2 ** 53 - 1), 2 ** 53 - 1, 2 ** 32, -(2 ** 32)]
    const expected = hex({ data: new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer) })
    expect(hex(int64s(values))).toBe(expected)
    expect(hex(int64s(values.map(BigInt)))).toBe(expected)
    expect(hex(int64s(Float64Array.from(values)))).toBe(expected)
    expect(hex(int64s(BigInt64Array.from(values.map(BigInt))))).toBe(expected)
    expect(hex(dateTime64s(values))).toBe(expected)
    expect(hex(int64s([-(2n ** 63n)]))).toBe('0000000000000080')
  })

  it('refuse numbers that are not exact', () => {
    expect(() => int64s([2 ** 53])).toThrow('exact to 2^53')
    expect(() => int64s([0.5])).toThrow('exact to 2^53')
    expect(() => counts([-1])).toThrow('Expected a count')
    expect(() => counts([Number.NaN])).toThrow('Expected a count')
  })

  it('write the length of strings in bytes', () => {
    const long = 'ü'.repeat(100)
    expect(hex(strings([long]))).toBe(`c801${Buffer.from(long).toString('hex')}`)
  })

  it('write arrays as ends, then elements', () => {
    const values = arrays([1, 1, 2], strings(['a', 'b']))
    expect(values.type).toBe('Array(String)')
    expect(values.rows).toBe(3)
    expect(hex(values)).toBe(
      '0100000000000000' + '0100000000000000' + '0200000000000000' + '01610162',
    )
  })

  it('write maps as ends, keys, values', () => {
    const values = maps([1], strings(['k']), counts([5]))
    expect(values.type).toBe('Map(String, UInt64)')
    expect(hex(values)).toBe('0100000000000000' + '016b' + '0500000000000000')
  })

  it('refuse ends that do not fit the elements', () => {
    expect(() => arrays([1, 3], uint8s([1, 2]))).toThrow('the last end to be 2')
    expect(() => arrays([2, 1, 2], uint8s([1, 2]))).toThrow('ascending ends')
    expect(() => maps([1], strings(['k']), counts([]))).toThrow('the last end to be 0')
  })
})
