import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WordTable } from './word-table.ts'

test('equal rows have one index, different rows different ones, and rows keep their words', () => {
  const word = fc.integer({ min: 0, max: 2 })
  fc.assert(
    fc.property(fc.array(fc.array(word, { maxLength: 4 }), { maxLength: 200 }), (rows) => {
      const table = new WordTable()
      const indexes = new Map<string, number>()
      for (const row of rows) {
        // Taken out of the middle of a longer array.
        const index = table.intern(Uint32Array.of(7, ...row, 7), 1, row.length)
        expect(indexes.get(row.join()) ?? index).toBe(index)
        indexes.set(row.join(), index)
        expect([...table.words.subarray(table.startOf(index), table.ends[index])]).toEqual(row)
      }
      expect(table.size).toBe(indexes.size)
    }),
  )
})

test('grows past its first size in rows, words and slots', () => {
  const table = new WordTable()
  const rows = Array.from({ length: 5000 }, (_, i) => Uint32Array.of(i, i * i, 3, 4, 5, 6))
  for (const [i, row] of rows.entries()) expect(table.intern(row, 0, 6)).toBe(i)
  for (const [i, row] of rows.entries()) expect(table.intern(row, 0, 6)).toBe(i)
  expect(table.size).toBe(5000)
})
