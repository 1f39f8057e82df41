import { expect, test } from 'vitest'
import { sortRows } from './sort-rows.ts'

test('rows come in the order of their values, equal ones in their own', () => {
  expect([...sortRows(Uint32Array.of(30, 10, 20, 10))]).toEqual([1, 3, 2, 0])
  expect([...sortRows(Float64Array.of(-5, -(2 ** 31), -5, 0))]).toEqual([1, 0, 2, 3])
  expect([...sortRows(new Float64Array(0))]).toEqual([])
})

test('values too far apart for the fast way are sorted all the same', () => {
  expect([...sortRows(Float64Array.of(2 ** 47, -(2 ** 47), 0, 0))]).toEqual([1, 2, 3, 0])
})

test('both ways agree at the edge of what the fast one takes', () => {
  const values = Float64Array.of(2 ** 32 - 1, 0, 2 ** 32 - 1, 1)
  expect([...sortRows(values)]).toEqual([1, 3, 0, 2])
  expect([...sortRows(values.map((value) => value * 2))]).toEqual([1, 3, 0, 2])
})
