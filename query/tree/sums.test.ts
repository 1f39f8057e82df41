import fc from 'fast-check'
import { expect, test } from 'vitest'
import { wordsOf } from '../../tests/fixtures/call-tree.ts'
import { needsWide, numberOfWords, Sums } from './sums.ts'

test('narrow sums are exact to 2^53', () => {
  const sums = new Sums(1, false)
  sums.addWords(0, ...wordsOf(2n ** 53n - 2n))
  sums.addWords(0, ...wordsOf(1n))
  expect(sums.value(0)).toBe(Number.MAX_SAFE_INTEGER)
  expect(sums.exact(0)).toBe(2n ** 53n - 1n)
})

test('wide sums are exact for every 64-bit value and send decimal strings beyond 2^53', () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), (values) => {
      const from = new Sums(values.length, true)
      const sums = new Sums(1, true)
      for (const [i, value] of values.entries()) {
        from.addWords(i, ...wordsOf(value))
        sums.add(0, from, i)
      }
      const sum = values.reduce((all, value) => all + value, 0n)
      expect(sums.exact(0)).toBe(sum)
      const safe = sum <= BigInt(Number.MAX_SAFE_INTEGER) && sum >= -BigInt(Number.MAX_SAFE_INTEGER)
      expect(sums.value(0)).toBe(safe ? Number(sum) : sum.toString())
    }),
  )
})

test('a total from 2^53 on asks for wide sums', () => {
  expect(needsWide(2 ** 53 - 2)).toBe(false)
  expect(needsWide(2 ** 53)).toBe(true)
})

test('two words make a signed number', () => {
  expect(numberOfWords(...wordsOf(-5n))).toBe(-5)
  expect(numberOfWords(...wordsOf(0x1_8000_0000n))).toBe(0x1_8000_0000)
})
