import fc from 'fast-check'
import { expect, test } from 'vitest'
import { judge } from './certainty.ts'
import { relativeChange, scaleOf } from './normalize.ts'

const VALUES = [0, 1, 2 ** 53]

test('no formula answers anything but a number', () => {
  for (const a of VALUES)
    for (const b of VALUES)
      for (const totalA of VALUES)
        for (const totalB of VALUES)
          for (const normalize of ['share', 'host', 'raw'] as const) {
            const xA = a * scaleOf(normalize, { total: totalA, hostSeconds: totalA })
            const xB = b * scaleOf(normalize, { total: totalB, hostSeconds: totalB })
            const r = relativeChange(xA, xB)
            expect(Number.isFinite(r) && Math.abs(r) <= 1).toBe(true)
            const side = (total: number) => ({ total, samplesPerValue: 0.1 })
            const confidence = judge(side(totalA), side(totalB)).confidence(a, b)
            expect(confidence >= 0 && confidence <= 1).toBe(true)
          }
})

test('swapping the sides negates the change, new is 1, gone is -1, twice is a half', () => {
  const double = fc.double({ min: 0, max: 1e20, noNaN: true })
  fc.assert(
    fc.property(double, double, (a, b) => {
      expect(relativeChange(a, b) + relativeChange(b, a)).toBe(0)
    }),
  )
  expect(relativeChange(0, 3)).toBe(1)
  expect(relativeChange(3, 0)).toBe(-1)
  expect(relativeChange(2, 4)).toBe(0.5)
})

test('a side k times as large has the same shares', () => {
  const scale = (total: number) => scaleOf('share', { total, hostSeconds: 0 })
  expect(30 * scale(100)).toBeCloseTo(30 * 7 * scale(700), 12)
})

test('confidence grows with the samples of both sides together, up to 50', () => {
  const side = { total: 1e9, samplesPerValue: 1e-7 }
  const { confidence, sentence } = judge(side, side)
  expect(confidence(0, 25e7)).toBeCloseTo(0.5)
  expect(confidence(25e7, 25e7)).toBe(1)
  expect(confidence(9e8, 0)).toBe(1)
  expect(sentence).toContain('no significance test was made')
})

test('an empty side compares nothing and says which', () => {
  const full = { total: 1, samplesPerValue: 1 }
  const empty = { total: 0, samplesPerValue: null }
  expect(judge(empty, full).sentence).toContain('Side A has no samples')
  expect(judge(full, empty).sentence).toContain('Side B has no samples')
  expect(judge(empty, empty).sentence).toContain('Both sides have no samples')
  expect(judge(empty, full).confidence(0, 1)).toBe(0)
})

test('without sample counts the sentence says so', () => {
  const side = { total: 5, samplesPerValue: null }
  expect(judge(side, side).sentence).toContain('do not say how many samples')
  expect(judge(side, side).confidence(1, 2)).toBe(1)
})
