import { describe, expect, it } from 'vitest'
import {
  FLEET,
  type FleetService,
  seriesAnswer,
  servicesAnswer,
} from '../../tests/fixtures/fake-api/fleet.ts'
import { deploysOf, lanesOf, moveEdge, rateOf, stepFor } from './lanes.ts'

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

  it('have some 240 steps at most', () => {
    for (const hours of [0.1, 1, 24, 24 * 30, 24 * 365]) {
      const span = hours * 3_600_000
      expect(span / 1000 / stepFor(0, span)).toBeLessThanOrEqual(240)
    }
  })
})
