import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { functionId, hash64, hash64Into, seriesId, stackId } from './ids.ts'

// Expected values were made by another implementation: mmh3 5 for Python, x86_128 with seed 0, of
// which the first two 32-bit words are taken.

test.each([
  ['a', 6149295974043128636n],
  ['abc', 11722877137761191633n],
  ['abcd', 5021450012940749994n],
  ['abcde', 6711706759242723067n],
  ['hello world', 1509763475443948168n],
  ['The quick brown fox jumps over the lazy dog', 17072632059091321795n],
  ['größe→😀', 9033605195093596131n],
])('the hash of %j is that of MurmurHash3', (text, expected) => {
  expect(hash64(Buffer.from(text))).toBe(expected)
})

test('every length up to 200 bytes hashes as elsewhere', () => {
  const digest = createHash('sha256')
  for (let length = 0; length < 200; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + length) % 256)
    const word = Buffer.alloc(8)
    word.writeBigUInt64LE(hash64(bytes))
    digest.update(word)
  }
  expect(digest.digest('hex')).toBe(
    'e50be384751f72d5099adf48bd8c5a3065f2ad9ef817e8d02588437555b3f240',
  )
})

test('the id of nothing is 1, since 0 stands for none', () => {
  expect(hash64(new Uint8Array(0))).toBe(1n)
  expect(stackId([])).toBe(1n)
  expect(seriesId({})).toBe(1n)
})

test('a part of bytes hashes as the part alone, with a view and without', () => {
  const bytes = Buffer.from('xxThe quick brown fox jumps over the lazy dogyy')
  // A view of a slice of a larger buffer must not look elsewhere.
  const slice = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  const out = new Uint32Array(6)
  hash64Into(slice, 2, slice.length - 2, out, 1)
  const view = new DataView(slice.buffer, slice.byteOffset, slice.length)
  hash64Into(slice, 2, slice.length - 2, out, 3, view)
  const expected = 17072632059091321795n
  const words = [Number(expected & 0xffff_ffffn), Number(expected >> 32n)]
  expect([...out]).toEqual([0, ...words, ...words, 0])
})

test('parts of a function are told apart', () => {
  const ids = [functionId('a', 'b', 'c'), functionId('ab', '', 'c'), functionId('a', '', 'bc')]
  expect(new Set(ids).size).toBe(3)
})

test('a series does not depend on the order of its labels', () => {
  expect(seriesId({ b: '2', a: '1' })).toBe(seriesId({ a: '1', b: '2' }))
  expect(seriesId({ a: '1', b: '2' })).not.toBe(seriesId({ a: '2', b: '1' }))
})
