import { expect, test } from 'vitest'
import { MemorySource } from '../byte-source.ts'
import { NO_VALUE, readValue } from './value-table.ts'

function valuesOf(bytes: readonly number[], distances: readonly number[]): number[] {
  const source = new MemorySource(Buffer.from(bytes))
  return distances.map((distance) => readValue(source, 0, bytes.length, distance))
}

test('values change by zigzag numbers from -1, each for so many units of code', () => {
  // +8 for 3, -2 for 2, +0 ends.
  expect(valuesOf([16, 3, 3, 2, 0], [0, 2, 3, 4, 5])).toEqual([7, 7, 5, 5, NO_VALUE])
})

test('a first change of 0 is a value, not the end', () => {
  expect(valuesOf([0, 4, 4, 1, 0], [0, 3, 4, 5])).toEqual([NO_VALUE, NO_VALUE, 1, NO_VALUE])
})

test('numbers take more than one byte, low bits first', () => {
  // +150 is 300 in zigzag: 0xac 0x02; for 200 units: 0xc8 0x01.
  expect(valuesOf([0xac, 2, 0xc8, 1, 0], [0, 199, 200])).toEqual([149, 149, NO_VALUE])
})

test('a table that is cut, or whose numbers never end, has no value there', () => {
  expect(valuesOf([16], [0])).toEqual([NO_VALUE])
  expect(valuesOf([16, 3], [3])).toEqual([NO_VALUE])
  expect(valuesOf(Array(2000).fill(0xff), [0])).toEqual([NO_VALUE])
  expect(valuesOf([], [0])).toEqual([NO_VALUE])
})
