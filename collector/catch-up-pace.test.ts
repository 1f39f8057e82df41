import { expect, test } from 'vitest'
import { BATCH_HEADERS } from '../infra/contract/batch.ts'
import { CatchUpPace } from './catch-up-pace.ts'

const NOW = 1_700_000_000_000

function paceAt(random: number): CatchUpPace {
  return new CatchUpPace({ factor: 10, now: () => NOW, random: () => random })
}

/** A window of 10 s that ended so long ago. */
function ended(agoMs: number): Record<string, string> {
  return {
    [BATCH_HEADERS.windowStart]: String(NOW - agoMs - 10_000),
    [BATCH_HEADERS.windowEnd]: String(NOW - agoMs),
  }
}

test('what is fresh goes at once', () => {
  const pace = paceAt(0.5)
  expect([0, 10_000, 59_000].map((ago) => pace.pauseBefore(ended(ago)))).toEqual([0, 0, 0])
})

test('what waited goes a tenth of a window apart, give or take a half', () => {
  expect(paceAt(0.5).pauseBefore(ended(100_000))).toBe(1_000)
  expect(paceAt(0).pauseBefore(ended(100_000))).toBe(500)
  expect(paceAt(0.999).pauseBefore(ended(100_000))).toBeCloseTo(1_499)
})

test('the parts of a window go together, so that one that falls behind can catch up', () => {
  const pace = paceAt(0.5)
  const old = [100_000, 100_000, 100_000, 90_000].map(ended)
  expect(old.map((headers) => pace.pauseBefore(headers))).toEqual([1_000, 0, 0, 1_000])
})

test('headers that cannot be read hold nothing up', () => {
  expect(paceAt(0.5).pauseBefore({})).toBe(0)
  expect(paceAt(0.5).pauseBefore({ [BATCH_HEADERS.windowEnd]: '1' })).toBe(0)
})
