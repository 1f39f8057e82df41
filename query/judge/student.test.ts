import { describe, expect, test } from 'vitest'
import { digamma, inverseTrigamma, lnGamma, trigamma } from './gamma.ts'
import { criticalT, twoSidedP } from './student.ts'

const EULER = 0.5772156649015329

describe('Student t', () => {
  // Abramowitz and Stegun, table 26.10.
  test.each([
    [1, 0.05, 12.706],
    [1, 0.001, 636.619],
    [5, 0.05, 2.571],
    [5, 0.001, 6.869],
    [30, 0.05, 2.042],
    [30, 0.001, 3.646],
    [120, 0.01, 2.617],
  ])('with %d degrees of freedom and p = %d reaches the published %d', (df, p, published) => {
    expect(criticalT(p, df)).toBeCloseTo(published, 3)
    expect(twoSidedP(criticalT(p, df), df)).toBeCloseTo(p, 12)
  })

  // With one and two degrees of freedom the distribution has a closed form.
  test.each([0, 0.3, 1, 4, 50, 1e5])('agrees with the closed forms at t = %d', (t) => {
    const one = (2 / Math.PI) * Math.atan2(1, t)
    const root = Math.sqrt(2 + t * t)
    const two = 2 / (root * (root + t))
    expect(twoSidedP(t, 1) / one).toBeCloseTo(1, 9)
    expect(twoSidedP(t, 2) / two).toBeCloseTo(1, 9)
  })

  test('is the normal distribution with unbounded degrees of freedom, also in the tail', () => {
    expect(criticalT(0.05, Number.POSITIVE_INFINITY)).toBeCloseTo(1.959964, 4)
    // 2 (1 - Phi(6)) = 1.973175e-9
    expect(twoSidedP(6, 1e9) / 1.973175e-9).toBeCloseTo(1, 2)
  })

  // At the level of one of 300 or 600 tests with q = 0.05 together.
  test.each([
    [300, 5, 10.05],
    [300, 9, 6.16],
    [300, 49, 4.08],
    [600, 5, 11.61],
    [600, 39, 4.39],
  ])('for %d tests with %d degrees of freedom asks for %d', (tests, df, known) => {
    expect(criticalT(0.05 / tests, df)).toBeCloseTo(known, 1.9)
  })

  test('answers 1 where nothing is known', () => {
    expect(twoSidedP(Number.NaN, 5)).toBe(1)
    expect(twoSidedP(3, 0)).toBe(1)
    expect(twoSidedP(Number.POSITIVE_INFINITY, 5)).toBe(0)
  })
})

describe('gamma and its relatives', () => {
  test('take their known values', () => {
    expect(lnGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 13)
    expect(lnGamma(10)).toBeCloseTo(Math.log(362880), 12)
    expect(lnGamma(0.25)).toBeCloseTo(Math.log(3.625609908221908), 12)
    expect(digamma(1)).toBeCloseTo(-EULER, 12)
    expect(digamma(0.5)).toBeCloseTo(-EULER - 2 * Math.LN2, 12)
    expect(trigamma(1)).toBeCloseTo(Math.PI ** 2 / 6, 12)
    expect(trigamma(0.5)).toBeCloseTo(Math.PI ** 2 / 2, 12)
  })

  test.each([1e-8, 1e-3, 0.1, 1, 7, 1e4, 1e9])('trigamma is undone at %d', (y) => {
    expect(trigamma(inverseTrigamma(y)) / y).toBeCloseTo(1, 5)
  })
})
