import { describe, expect, it } from 'vitest'
import { RowBinaryReader } from './row-binary.ts'

const reader = (...bytes: number[]) => new RowBinaryReader(Buffer.from(bytes))
const int64 = (value: bigint) => [...new Uint8Array(BigInt64Array.of(value).buffer)]

describe('a RowBinary reader', () => {
  it('reads integers little endian', () => {
    expect(reader(7).u8()).toBe(7)
    expect(reader(1, 2).u16()).toBe(0x0201)
    expect(reader(1, 2, 3, 0xff).u32()).toBe(0xff030201)
    expect(reader(...int64(-1n)).u64()).toBe(2n ** 64n - 1n)
    expect(reader(...int64(-(2n ** 63n))).i64()).toBe(-(2n ** 63n))
  })

  it('reads 64-bit values as numbers that are exact to 2^53 on both sides of zero', () => {
    for (const value of [0, 1, -1, 2 ** 53, -(2 ** 53), 10_000_000, -(2 ** 32), 2 ** 32 + 5])
      expect(reader(...int64(BigInt(value))).i64Number()).toBe(value)
    expect(reader(...int64(2n ** 53n)).u64Number()).toBe(2 ** 53)
  })

  it('reads ids as two words', () => {
    const out = new Uint32Array(4)
    reader(...int64(0x0123456789abcdefn)).u64Into(out, 2)
    expect([...out]).toEqual([0, 0, 0x89abcdef, 0x01234567])
  })

  it('reads strings of any length as UTF-8', () => {
    const text = 'ü'.repeat(100)
    expect(reader(200, 1, ...Buffer.from(text)).string()).toBe(text)
    expect(reader(0).string()).toBe('')
  })

  it('reads arrays, and arrays of ids as words', () => {
    expect(reader(2, 1, 0x61, 0).array((r) => r.string())).toEqual(['a', ''])
    expect([...reader(2, ...int64(3n), ...int64(-1n)).words64()]).toEqual([
      3, 0, 0xffffffff, 0xffffffff,
    ])
  })

  it('says when every row was read', () => {
    const rows = reader(1, 2)
    expect(rows.more).toBe(true)
    rows.u16()
    expect(rows.more).toBe(false)
  })

  it.each<[string, (r: RowBinaryReader) => unknown, number[]]>([
    ['an integer', (r) => r.u32(), [1, 2, 3]],
    ['a string', (r) => r.string(), [5, 0x61]],
    ['an array', (r) => r.array((x) => x.u8()), [0xff, 0xff, 0xff, 0x7f, 1]],
    ['ids', (r) => r.words64(), [2, 1, 2, 3]],
    ['a length', (r) => r.varint(), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ['a length cut short', (r) => r.varint(), [0x80]],
  ])('refuses to read %s beyond the end', (_, read, bytes) => {
    expect(() => read(reader(...bytes))).toThrow(expect.objectContaining({ code: 'store_error' }))
  })
})
