import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeIntent, encodeIntent, type Intent, rangeToken, skipsOf } from './intent.ts'
import { parseSkipList, SkipList } from './skip-list.ts'

const INTENT: Intent = {
  lo: 9_007_199_254_740_993n,
  hi: 9_007_199_254_741_000n,
  atMs: 1_780_000_000_000,
  retention: { rawDays: 7, rollupDays: 90 },
  skip: '0,4-6',
}

describe('an intent', () => {
  test('is what was committed, offsets beyond 2^53 included', () => {
    expect(decodeIntent(INTENT.lo, encodeIntent(INTENT))).toEqual(INTENT)
    const plain = { ...INTENT, skip: '' }
    expect(decodeIntent(plain.lo, encodeIntent(plain))).toEqual(plain)
  })

  test('keeps its golden text: another release completes it', () => {
    expect(encodeIntent(INTENT)).toBe(
      '{"v":1,"hi":"9007199254741000","at":1780000000000,"raw":7,"rollup":90,"skip":"0,4-6"}',
    )
  })

  test('is none where the offset was committed without', () => {
    expect(decodeIntent(5n, '')).toBeNull()
  })

  test.each([
    'nonsense',
    'null',
    '{"v":2,"hi":"7"}',
    '{"v":1,"hi":"4","at":1,"raw":7,"rollup":90}',
    '{"v":1,"hi":7,"at":1,"raw":7,"rollup":90}',
    '{"v":1,"hi":"7","at":1.5,"raw":7,"rollup":90}',
    '{"v":1,"hi":"7","at":1,"raw":7,"rollup":90,"skip":"1;2"}',
  ])('of %s is refused with what to do', (metadata) => {
    expect(() => decodeIntent(5n, metadata)).toThrow(
      expect.objectContaining({ code: 'kafka_intent', hint: expect.stringContaining('newer') }),
    )
  })

  test('names its range and its first try in the token', () => {
    const token = rangeToken('flamewatch.batches', 3, INTENT)
    expect(token).toBe('flamewatch.batches/3/9007199254740993-9007199254741000/1780000000000')
    expect(token).toMatch(/^[A-Za-z0-9._/-]+$/)
  })

  test('tells which offsets are left out', () => {
    const isSkipped = skipsOf(INTENT)
    const offsets = Array.from({ length: 8 }, (_, i) => INTENT.lo + BigInt(i))
    expect(offsets.map(isSkipped)).toEqual([true, false, false, false, true, true, true, false])
  })
})

test('a list of numbers is read as it was written', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(300)), (numbers) => {
      const list = new SkipList()
      for (const n of numbers.toSorted((a, b) => a - b)) list.add(n)
      const has = parseSkipList(list.text)
      for (let n = 0; n <= 300; n++) expect(has?.(n)).toBe(numbers.includes(n))
    }),
  )
})
