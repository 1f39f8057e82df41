import { expect, test } from 'vitest'
import { SeenIds, saltOf } from './seen-ids.ts'

test('an id is seen once it was added, and no other', () => {
  const seen = new SeenIds(100)
  seen.add(1, 2)
  expect(seen.has(1, 2)).toBe(true)
  expect(seen.has(2, 1)).toBe(false)
  expect(seen.has(1, 0)).toBe(false)
  expect(seen.has(0xffff_ffff, 0xffff_ffff)).toBe(false)
  seen.add(0xffff_ffff, 0xffff_ffff)
  expect(seen.has(0xffff_ffff, 0xffff_ffff)).toBe(true)
})

test('the oldest are forgotten, those in use are kept', () => {
  const seen = new SeenIds(100)
  seen.add(7, 7)
  for (let i = 1000; i < 1200; i++) {
    seen.add(i, i)
    expect(seen.has(7, 7), `after ${i}`).toBe(true)
  }
  expect(seen.has(1000, 1000)).toBe(false)
  expect(seen.has(1199, 1199)).toBe(true)
})

test('owners have salts of their own', () => {
  expect(saltOf('default')).toEqual(saltOf('default'))
  expect(saltOf('a', 'b')).not.toEqual(saltOf('ab'))
  expect(saltOf('t', 's', 20_000)).not.toEqual(saltOf('t', 's', 20_001))
})
