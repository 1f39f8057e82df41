import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findChanges, lastRise } from '../../query/judge/change-points.ts'
import { Draws } from '../simulator/random.ts'

function readSeries(name: string): number[] {
  const file = join(import.meta.dirname, '../fixtures/change-points', `${name}.json`)
  return JSON.parse(readFileSync(file, 'utf8')) as number[]
}

const HOURLY = { period: 24, shortest: 6 }

type Shape = {
  readonly hours?: number
  readonly diurnal?: number
  /** Change of the logarithm from an hour on, until another if given. */
  readonly step?: { readonly at: number; readonly delta: number; readonly until?: number }
}

// Logarithms of a share of 0.2 % of a million samples an hour: an AR(1) process around a daily cycle,
// and the noise of sampling.
function series(seed: number, { hours = 14 * 24, diurnal = 0.1, step }: Shape = {}): number[] {
  const draws = new Draws(21, seed)
  const memory = 0.6
  let noise = 0
  return Array.from({ length: hours }, (_, hour) => {
    noise = memory * noise + 0.02 * Math.sqrt(1 - memory ** 2) * draws.normal()
    const stepped = step !== undefined && hour >= step.at && hour < (step.until ?? hours)
    const daily = diurnal * Math.SQRT2 * Math.sin((2 * Math.PI * hour) / 24)
    const sampled = draws.normal() / Math.sqrt(0.002 * 1e6)
    return Math.log(0.002) + noise + sampled + daily + (stepped ? step.delta : 0)
  })
}

const FIVE_PERCENT = Math.log(1.05)
const seeds = (count: number) => Array.from({ length: count }, (_, seed) => seed)
const rise = (values: readonly number[]) => lastRise(findChanges(values, HOURLY), FIVE_PERCENT)

describe('a new level', () => {
  const at = 14 * 24 - 96

  test('of four days ago is found at its hour, through the daily cycle', () => {
    const found = seeds(40).map((seed) => rise(series(seed, { step: { at, delta: 0.1 } })))
    const right = found.filter((step) => step !== undefined && Math.abs(step.at - at) <= 3)
    expect(right.length).toBeGreaterThanOrEqual(37)
    for (const step of right) expect(step?.delta).toBeCloseTo(0.1, 1)
  })

  test('of eight hours ago is found mostly, if it is ten percent', () => {
    const late = 14 * 24 - 8
    const found = seeds(40).filter((seed) => rise(series(seed, { step: { at: late, delta: 0.1 } })))
    expect(found.length).toBeGreaterThanOrEqual(30)
  })

  test('that was left again is not reported', () => {
    const step = { at: 200, delta: 0.2, until: 212 }
    expect(seeds(40).filter((seed) => rise(series(seed, { step })))).toEqual([])
  })

  test('that the series had before is not reported', () => {
    const back = seeds(20).map((seed) =>
      series(seed).map((value, hour) => value - (hour >= 120 && hour < 220 ? 0.2 : 0)),
    )
    expect(back.filter((values) => rise(values))).toEqual([])
  })
})

test('a series that only fluctuates has no new level', () => {
  // At the measured rate of one in six thousand, even one among these is unlikely.
  expect(seeds(300).filter((seed) => rise(series(1000 + seed)))).toEqual([])
})

test('a steady series, a short one and an empty one have none either', () => {
  for (const values of [new Array<number>(100).fill(1), [1, 2, 1], []])
    expect(lastRise(findChanges(values, HOURLY), FIVE_PERCENT)).toBeUndefined()
})

// Beside what their projects pin for their own algorithms; within a few points of those.
describe('measured series', () => {
  test('a database whose throughput fell and rose has its two changes', () => {
    const values = readSeries('tigerbeetle').map(Math.log)
    const { segments } = findChanges(values, { shortest: 6 })
    const large = segments
      .slice(1)
      .filter(({ mean }, i) => Math.abs(mean - (segments[i]?.mean as number)) >= FIVE_PERCENT)
    expect(large).toHaveLength(2)
    expect(Math.abs((large[0]?.from as number) - 15)).toBeLessThanOrEqual(3)
    expect(Math.abs((large[1]?.from as number) - 71)).toBeLessThanOrEqual(3)
  })

  test('a thousand points around zero have their four', () => {
    const { segments } = findChanges(readSeries('long'), { shortest: 6 })
    expect(segments.slice(1).map(({ from }) => Math.round(from / 10) * 10)).toEqual([
      210, 400, 590, 790,
    ])
  })
})
