import { expect, test } from 'vitest'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { cutRanges } from './cut-ranges.ts'
import { encodeIntent } from './intent.ts'
import type { Judged, Verdict } from './judge.ts'

const DUPLICATE: Verdict = { kind: 'duplicate' }
const DEAD: Verdict = { kind: 'dead', error: new FlamewatchError('malformed', 'x') }

function stored(samples: number): Verdict {
  // Only its size matters here.
  const entry = { profiles: 1, samples }
  return { kind: 'store', batch: { entry } } as unknown as Verdict
}

function judged(offset: number, verdict: Verdict): Judged {
  const message = { offset: BigInt(offset), value: null, key: null, timestampMs: 0, headers: {} }
  return { message, verdict }
}

function shape(lo: number, verdicts: readonly Judged[]) {
  return cutRanges(BigInt(lo), verdicts).map(({ lo, hi, skip, judged }) => ({
    range: `${lo}-${hi}`,
    skip,
    messages: judged.length,
  }))
}

test('a group is one range, from where the last ended, with what is left out', () => {
  const group = [
    judged(12, stored(5)),
    judged(13, DUPLICATE),
    judged(14, DEAD),
    judged(19, stored(5)),
  ]
  expect(shape(10, group)).toEqual([{ range: '10-19', skip: '3-4', messages: 4 }])
})

test('what one block cannot hold is several ranges, without a gap', () => {
  const group = [judged(0, stored(600_000)), judged(1, DEAD), judged(2, stored(600_000))]
  expect(shape(0, group)).toEqual([
    { range: '0-1', skip: '1', messages: 2 },
    { range: '2-2', skip: '', messages: 1 },
  ])
})

test('what is left out fits into the metadata of a commit', () => {
  const group = Array.from({ length: 4_000 }, (_, i) => judged(i, i % 2 ? stored(1) : DUPLICATE))
  const ranges = cutRanges(0n, group)
  expect(ranges.length).toBeGreaterThan(1)
  expect(ranges.map(({ judged }) => judged.length).reduce((a, b) => a + b)).toBe(group.length)
  for (const { lo, hi, skip } of ranges) {
    const retention = { rawDays: 3_650, rollupDays: 3_650 }
    expect(encodeIntent({ lo, hi, skip, atMs: 1_780_000_000_000, retention }).length).toBeLessThan(
      4_096,
    )
  }
})
