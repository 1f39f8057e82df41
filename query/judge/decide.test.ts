import { describe, expect, test } from 'vitest'
import { falseDiscoveryRates } from './adjust.ts'
import { DEFAULT_THRESHOLDS, decide, detectableAt } from './decide.ts'
import type { Estimate } from './estimate.ts'
import { pValue } from './estimate.ts'

function estimate(baseline: number, delta: number, error: number, df = 40): Estimate {
  return { baseline, candidate: baseline + delta, delta, variance: error ** 2, df }
}

function status(of: Estimate, thresholds = DEFAULT_THRESHOLDS) {
  return decide([{ key: 'f', estimate: of }], thresholds)[0]?.status
}

describe('false discovery rates', () => {
  // The worked example of Benjamini and Hochberg (1995), section 4.1: four rejections at 0.05.
  const p = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719,
    0.6528, 0.759, 1,
  ]

  test('give the discoveries of the published example, in any order', () => {
    expect(falseDiscoveryRates(p).filter((q) => q <= 0.05)).toHaveLength(4)
    const backwards = falseDiscoveryRates(p.toReversed()).toReversed()
    expect(backwards).toEqual(falseDiscoveryRates(p))
  })

  test('never fall as p rises, and stay at most 1', () => {
    const q = falseDiscoveryRates(p)
    expect(q.toSorted((a, b) => a - b)).toEqual(q)
    expect(Math.max(...q)).toBe(1)
    expect(falseDiscoveryRates([])).toEqual([])
  })
})

describe('a function', () => {
  test('is a regression if the change is sure, and large enough to matter', () => {
    expect(status(estimate(0.01, 0.005, 0.0005))).toBe('regression')
    expect(status(estimate(0.01, -0.005, 0.0005))).toBe('improvement')
  })

  test('is ok if the change is sure but too small, by itself or beside what it had', () => {
    expect(status(estimate(0.01, 0.0004, 0.00001))).toBe('ok')
    expect(status(estimate(0.5, 0.004, 0.0001))).toBe('ok')
  })

  test('is inconclusive, not ok, if a change that matters could have been missed', () => {
    expect(status(estimate(0.01, 0.001, 0.003))).toBe('inconclusive')
    expect(status(estimate(0.01, 0.0001, 0.0005))).toBe('ok')
  })

  test('that is new has no relative change, and is a regression all the same', () => {
    const [judged] = decide([{ key: 'f', estimate: estimate(0, 0.01, 0.001) }], DEFAULT_THRESHOLDS)
    expect(judged).toMatchObject({ relative: null, status: 'regression' })
  })

  test('is judged among all others: what is sure alone may not be sure among many', () => {
    const one = estimate(0.01, 0.003, 0.001)
    expect(pValue(one)).toBeLessThan(0.005)
    expect(status(one)).toBe('regression')
    const crowd = Array.from({ length: 300 }, (_, i) => ({
      key: `g${i}`,
      estimate: estimate(0.01, ((i % 5) - 2) * 1e-4, 0.001),
    }))
    const judged = decide([{ key: 'f', estimate: one }, ...crowd], DEFAULT_THRESHOLDS)
    expect(judged[0]?.status).not.toBe('regression')
    // And a change has to be larger to be found at all.
    const alone = decide([{ key: 'f', estimate: one }], DEFAULT_THRESHOLDS)[0]
    expect(judged[0]?.detectable).toBeGreaterThan(alone?.detectable as number)
  })

  test('has an interval of 95 % around its change', () => {
    const [judged] = decide(
      [{ key: 'f', estimate: estimate(0.01, 0.005, 0.001, 30) }],
      DEFAULT_THRESHOLDS,
    )
    expect(judged?.interval[0]).toBeCloseTo(0.005 - 2.042e-3, 6)
    expect(judged?.interval[1]).toBeCloseTo(0.005 + 2.042e-3, 6)
  })
})

test('what would be found at a share is that of functions near it, or of the nearest', () => {
  const judged = decide(
    [0.001, 0.0015, 0.01, 0.011, 0.3].map((share) => ({
      key: share,
      estimate: estimate(share, 0, share / 10),
    })),
    DEFAULT_THRESHOLDS,
  )
  const of = (share: number) => judged.find(({ key }) => key === share)?.detectable
  expect(detectableAt(judged, 0.01)).toBe(of(0.011))
  expect(detectableAt(judged, 0.1)).toBe(of(0.3))
  expect(detectableAt([], 0.01)).toBeNull()
})
