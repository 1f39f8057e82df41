import { deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { inflateProfile } from './inflate.ts'

const PLAIN = Buffer.from('a plain body that is no gzip, '.repeat(50))
const MAX = 10_000

const inflate = (body: Uint8Array) => Buffer.from(inflateProfile(body, MAX)).toString()

describe('a body is inflated', () => {
  test.each<[string, Uint8Array]>([
    ['plain', PLAIN],
    ['gzip', gzipSync(PLAIN)],
    ['gzip in gzip', gzipSync(gzipSync(PLAIN))],
    [
      'gzip of two members',
      Buffer.concat([gzipSync(PLAIN.subarray(0, 99)), gzipSync(PLAIN.subarray(99))]),
    ],
    ['gzip with a file name in it', gzipSync(PLAIN, { level: 9 })],
  ])('when it is %s', (_, body) => {
    expect(inflate(body)).toBe(PLAIN.toString())
  })

  test('to nothing', () => {
    expect(inflate(gzipSync(''))).toBe('')
    expect(inflate(new Uint8Array(0))).toBe('')
  })

  test('when the size at its end lies', () => {
    for (const size of [0, 1, 0xffff_ffff]) {
      const body = gzipSync(PLAIN)
      body.writeUInt32LE(size, body.length - 4)
      // zlib checks it: a wrong size is damage, however large the buffer that was guessed from it.
      expect(() => inflate(body)).toThrow(/damaged/)
    }
  })
})

describe('a body is refused', () => {
  const members = Buffer.concat(Array.from({ length: 20 }, () => gzipSync(PLAIN)))

  test.each<[string, Uint8Array, RegExp]>([
    ['larger than the limit', Buffer.alloc(MAX + 1, 1), /more than 10000 bytes/],
    ['larger than the limit inflated', gzipSync(Buffer.alloc(MAX + 1)), /more than 10000 bytes/],
    ['larger than the limit in many members', members, /more than 10000 bytes/],
    [
      'larger than the limit in between',
      gzipSync(gzipSync(Buffer.alloc(MAX * 100_0))),
      /more than 10000/,
    ],
    ['gzip in gzip in gzip', gzipSync(gzipSync(gzipSync(PLAIN))), /more than 2 times/],
    ['truncated', gzipSync(PLAIN).subarray(0, -9), /ends in the middle/],
    ['only the start of a gzip', Buffer.from([0x1f, 0x8b]), /ends in the middle/],
    ['followed by something', Buffer.concat([gzipSync(PLAIN), Buffer.from('tail')]), /damaged/],
    ['followed by zeros', Buffer.concat([gzipSync(PLAIN), Buffer.alloc(5)]), /ends 5 bytes before/],
    [
      'of another method',
      Buffer.concat([Buffer.from([0x1f, 0x8b, 7]), deflateSync(PLAIN)]),
      /damaged/,
    ],
  ])('when it is %s', (_, body, expected) => {
    expect(() => inflate(body)).toThrow(expected)
  })
})
