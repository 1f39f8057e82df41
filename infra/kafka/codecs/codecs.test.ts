import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createCodecs } from './codecs.ts'
import { decompressLz4 } from './lz4.ts'
import { decompressSnappy } from './snappy.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

describe('LZ4', () => {
  // Magic, flags (v1, independent), block size, header checksum; blocks; end mark.
  const frame = (blocks: string) => hex(`04224d18 60 40 82 ${blocks} 00000000`)

  test('literals, a match that overlaps itself, and a stored block', () => {
    // Token 0x35: 3 literals, match of 5 + 4; distance 3; then token 0x20: 2 literals.
    const compressed = frame('09000000 35 616263 0300 20 7879')
    expect(decompressLz4(compressed, 100).toString()).toBe('abcabcabcabcxy')
    expect(decompressLz4(frame('03000080 616263'), 100).toString()).toBe('abc')
  })

  test.each([
    ['something else', hex('00112233 60 40 82 00000000')],
    ['a match before the start', frame('06000000 14 61 0900 00 00')],
    ['a block cut short', frame('ff000000 35')],
    ['literals cut short', frame('02000000 f0 ff')],
    ['no end', hex('04224d18 60 40 82 03000080 616263')],
    ['a dictionary', hex('04224d18 61 40 82 00000000')],
  ])('%s is an error', (_, bytes) => {
    expect(() => decompressLz4(bytes, 100)).toThrow(RangeError)
  })
})

describe('Snappy', () => {
  test('literals and copies of each kind', () => {
    // 15 bytes: literal abc; copy of 4 from 3 back; of 4 with 2 bytes of distance; of 4 with 4.
    const block = hex('0f 08 616263 01 03 0e 0300 0f 03000000')
    expect(decompressSnappy(block, 100).toString()).toBe('abcabcabcabcabc')
  })

  test("Java's framing of several blocks", () => {
    const framed = hex('82534e4150505900 00000001 00000001 00000005 03 08 616263 00000003 01 00 78')
    expect(decompressSnappy(framed, 100).toString()).toBe('abcx')
  })

  test.each([
    ['a copy before the start', hex('0f 08 616263 01 09')],
    ['literals cut short', hex('0f 08 61')],
    ['an endless length', Buffer.alloc(20, 0xff)],
  ])('%s is an error', (_, bytes) => {
    expect(() => decompressSnappy(bytes, 100)).toThrow(RangeError)
  })
})

test('a bomb is refused at the limit, whatever it is packed with', async () => {
  const codecs = createCodecs(1 << 20)
  const zeros = Buffer.alloc((1 << 20) + 1)
  await expect(codecs.gzip.decompress(gzipSync(zeros))).rejects.toThrow(RangeError)
  await expect(codecs.zstd.decompress(zstdCompressSync(zeros))).rejects.toThrow(RangeError)
  // One literal, then matches of 4 + 15 + 255 * 255 + 0, one byte back.
  const match = `0100 ${'ff'.repeat(255)} 00`
  const block = hex(`1f 61 ${match} ${`0f ${match}`.repeat(20)}`)
  const size = Buffer.alloc(4)
  size.writeUInt32LE(block.length)
  const bomb = Buffer.concat([hex('04224d18604082'), size, block, Buffer.alloc(4)])
  await expect(codecs.lz4.decompress(bomb)).rejects.toThrow(/more than/)
})

test.each([
  ['lz4', decompressLz4, hex('04224d18604082')],
  ['snappy', decompressSnappy, Buffer.alloc(0)],
])('any bytes of %s are decoded or refused, within the limit', (_, decompress, magic) => {
  const any = fc.uint8Array({ maxLength: 200 })
  fc.assert(
    fc.property(any, (bytes) => {
      expect(sizeOrRefusal(() => decompress(Buffer.concat([magic, bytes]), 1000))).toBeLessThan(
        1001,
      )
    }),
    { numRuns: 2_000 },
  )
})

/** Bytes made, 0 where the input was refused as it should be. */
function sizeOrRefusal(decompress: () => Buffer): number {
  try {
    return decompress().length
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError)
    return 0
  }
}
