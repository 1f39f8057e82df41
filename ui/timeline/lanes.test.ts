import { describe, expect, it } from 'vitest'
import {
  FLEET,
  type FleetService,
  seriesAnswer,
  servicesAnswer,
} from '../../tests/fixtures/fake-api/fleet.ts'
import {
  deploysOf,
  fewLanes,
  lanesOf,
  meanRate,
  moveEdge,
  rateOf,
  stepFor,
  stepsToMerge,
} from './lanes.ts'

const range = { fromMs: 0, toMs: 3_600_000 }
const checkout = FLEET[0] as FleetService
const lanes = lanesOf(
  seriesAnswer(FLEET, checkout, range, 60_000),
  servicesAnswer(FLEET, range).services[0] ?? null,
)

describe('lanes', () => {
  it('stand newest first, with the time each version was first seen', () => {
    expect(lanes.lanes.map((lane) => lane.version)).toEqual(['v2.15.0', 'v2.14.3', 'v2.14.2'])
    expect(deploysOf(lanes).map((deploy) => [deploy.version, deploy.ms / 60_000])).toEqual([
      ['v2.14.3', 10.8],
      ['v2.15.0', 37.2],
    ])
  })

  it('give cores for CPU time and units per second else', () => {
    expect(rateOf(120e9, { stepMs: 60_000, unit: 'nanoseconds' })).toBe(2)
    expect(rateOf(120, { stepMs: 60_000, unit: 'bytes' })).toBe(2)
  })

  it('move an edge by steps, by ten, and from deploy to deploy', () => {
    const at = 30 * 60_000
    const moves = (key: string, shift = false) => (moveEdge(key, shift, at, lanes) ?? 0) / 60_000
    expect([moves('ArrowLeft'), moves('ArrowRight'), moves('ArrowRight', true)]).toEqual([
      29, 31, 40,
    ])
    expect([moves('['), moves(']'), moves('Home'), moves('End')]).toEqual([10.8, 37.2, 0, 60])
    expect(moveEdge('x', false, at, lanes)).toBeNull()
  })

  it('merge steps where profiles are longer than a step, and leave an outage as it is', () => {
    expect(stepsToMerge([Array.from({ length: 60 }, (_, i) => (i % 4 === 0 ? 5 : 0))])).toBe(4)
    expect(stepsToMerge([Array.from({ length: 60 }, (_, i) => (i > 20 && i < 30 ? 0 : 5))])).toBe(1)
    expect(stepsToMerge([Array.from({ length: 60 }, (_, i) => (i < 30 ? 0 : 5))])).toBe(1)
    expect(stepsToMerge([])).toBe(1)
  })

  it('say the mean rate of the time a version ran', () => {
    const lane = { version: 'v', values: [0, 60e9, 120e9, 0], deployedMs: null, hosts: 1 }
    expect(meanRate(lane, { stepMs: 60_000, unit: 'nanoseconds' })).toBe(1.5)
  })

  it('are few at first, those of the two sides among them', () => {
    const versions = (few: { lanes: readonly { version: string }[] }) =>
      few.lanes.map((lane) => lane.version)
    expect(versions(fewLanes(lanes, 1, ['v2.14.2']))).toEqual(['v2.15.0', 'v2.14.2'])
    expect(versions(fewLanes(lanes, 9, []))).toHaveLength(3)
  })

  it('have some 240 steps at most', () => {
    for (const hours of [0.1, 1, 24, 24 * 30, 24 * 365]) {
      const span = hours * 3_600_000
      expect(span / 1000 / stepFor(0, span)).toBeLessThanOrEqual(240)
    }
  })
})
