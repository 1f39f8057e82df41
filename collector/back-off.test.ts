import { expect, test } from 'vitest'
import { BackOff } from './back-off.ts'

test('doubles up to its limit and begins anew after a success', () => {
  const backOff = new BackOff({ firstMs: 1000, maxMs: 5000, random: () => 0 })
  expect([1, 2, 3, 4, 5].map(() => backOff.next())).toEqual([1000, 2000, 4000, 5000, 5000])
  backOff.reset()
  expect(backOff.next()).toBe(1000)
})

test('shortens each wait at random by up to a half', () => {
  expect(new BackOff({ firstMs: 1000, maxMs: 5000, random: () => 0.999999 }).next()).toBe(500)
  expect(new BackOff({ firstMs: 1000, maxMs: 5000, random: () => 0.5 }).next()).toBe(750)
})

test('waits at least as long as the server asked for', () => {
  for (const random of [0, 0.5, 0.999999]) {
    const backOff = new BackOff({ firstMs: 1000, maxMs: 5000, random: () => random })
    expect(backOff.next(30_000)).toBeGreaterThanOrEqual(30_000)
    expect(backOff.next(30_000)).toBeLessThanOrEqual(32_500)
  }
})
