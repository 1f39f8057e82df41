import { describe, expect, it } from 'vitest'
import type { Service } from '../query/api.ts'
import {
  choiceOf,
  halves,
  isDecided,
  neighbourDeploy,
  pinTimes,
  rangeOf,
  sidesOf,
} from './sides.ts'
import { DEFAULTS, type UrlState } from './url-state.ts'

const NOW = Date.parse('2026-11-25T12:00:00Z')
const HOUR = 3_600_000
const state: UrlState = { ...DEFAULTS, page: 'diff', service: 'checkout' }

function service(...versions: string[]): Service {
  const seen = { firstSeen: '2026-11-25T11:00:00Z', lastSeen: '2026-11-25T12:00:00Z' }
  return {
    service: 'checkout',
    cores: 1,
    hosts: 1,
    ...seen,
    versions: versions.map((version) => ({ version, ...seen, hosts: 1, cores: 1 })),
    sparkline: [],
    types: [],
    demo: false,
  }
}

describe('sidesOf', () => {
  it('compares the newest version with the one before', () => {
    const { a, b } = sidesOf(state, service('v3', 'v2', 'v1'), NOW)
    expect([a?.version, b.version]).toEqual(['v2', 'v3'])
    expect(b.part).toEqual({
      query: '{service="checkout", version="v3"}',
      fromMs: NOW - HOUR,
      toMs: NOW,
    })
  })

  it('has nothing to compare with where there is one version', () => {
    expect(sidesOf(state, service('v1'), NOW).a).toBeNull()
  })

  it('takes what the address says, and the version before a chosen one', () => {
    const chosen = { ...state, b: { version: 'v2', from: null, to: null } }
    expect(sidesOf(chosen, service('v3', 'v2', 'v1'), NOW).a?.version).toBe('v1')
    const times = { ...state, a: { version: 'v1', from: 'now-2h', to: 'now-1h' } }
    expect(sidesOf(times, service('v3', 'v2', 'v1'), NOW).a).toMatchObject({
      version: 'v1',
      fromMs: NOW - 2 * HOUR,
      toMs: NOW - HOUR,
    })
  })

  it('takes a version that ran before the range at its own last time', () => {
    const all = service('v2', 'v1')
    const [newer, older] = all.versions
    const past = { firstSeen: '2026-11-20T00:00:00Z', lastSeen: '2026-11-24T08:00:00Z' }
    const versions = [
      { ...newer, version: 'v2' },
      { ...older, version: 'v1', ...past },
    ] as Service['versions']
    const { a, b } = sidesOf(state, { ...all, versions }, NOW)
    expect(b.fromMs).toBe(NOW - HOUR)
    expect(a).toMatchObject({
      version: 'v1',
      fromMs: Date.parse('2026-11-24T07:00:00Z'),
      toMs: Date.parse('2026-11-24T08:00:00Z'),
    })
  })

  it('compares two times of one version', () => {
    const two = { ...state, ...halves(state, rangeOf(state, NOW)) }
    const { a, b } = sidesOf(two, service('v1'), NOW)
    expect(a?.toMs).toBe(b.fromMs)
    expect([a?.fromMs, b.toMs]).toEqual([NOW - HOUR, NOW])
  })

  it('falls back to the page range where a side is upside down', () => {
    const wrong = { ...state, b: { version: 'v1', from: 'now', to: 'now-1h' } }
    expect(sidesOf(wrong, service('v1'), NOW).b).toMatchObject({ fromMs: NOW - HOUR, toMs: NOW })
  })
})

describe('choiceOf', () => {
  it('keeps following the clock where a side has the times of the page', () => {
    const range = rangeOf(state, NOW)
    const { b } = sidesOf(state, service('v1'), NOW)
    expect(choiceOf(b, range)).toEqual({ version: 'v1', from: null, to: null })
    expect(choiceOf({ ...b, fromMs: b.fromMs + 60_000 }, range)).toEqual({
      version: 'v1',
      from: '2026-11-25T11:01:00Z',
      to: '2026-11-25T12:00:00Z',
    })
  })
})

describe('isDecided', () => {
  it('waits for the versions unless versions and times stand in the address', () => {
    const whole = { version: 'v1', from: 'now-1h', to: 'now' }
    expect(isDecided(state)).toBe(false)
    expect(isDecided({ ...state, a: whole })).toBe(false)
    expect(isDecided({ ...state, a: whole, b: whole })).toBe(true)
    expect(isDecided({ ...state, page: 'flame', b: whole })).toBe(true)
  })
})

describe('rangeOf', () => {
  it('is never empty', () => {
    for (const [from, to] of [
      ['now', 'now-1h'],
      ['x', 'y'],
      ['now', 'now'],
    ] as const) {
      const range = rangeOf({ ...state, from, to }, NOW)
      expect(range.toMs).toBeGreaterThan(range.fromMs)
    }
  })
})

describe('pinTimes', () => {
  it('makes every relative time absolute', () => {
    const pinned = pinTimes(
      { ...state, from: 'now-1h', a: { version: 'v1', from: 'now-2h', to: null } },
      NOW,
    )
    expect(pinned).toMatchObject({
      from: '2026-11-25T11:00:00Z',
      to: '2026-11-25T12:00:00Z',
      a: { from: '2026-11-25T10:00:00Z', to: null },
    })
  })
})

describe('neighbourDeploy', () => {
  const all = service('v3', 'v2', 'v1')

  it('moves both sides by one deploy', () => {
    const older = neighbourDeploy(all, sidesOf(state, all, NOW), 'older')
    expect([older?.a.version, older?.b.version]).toEqual(['v1', 'v2'])
  })

  it('ends where the versions end', () => {
    expect(neighbourDeploy(all, sidesOf(state, all, NOW), 'newer')).toBeNull()
    const oldest = { ...state, b: { version: 'v2', from: null, to: null } }
    expect(neighbourDeploy(all, sidesOf(oldest, all, NOW), 'older')).toBeNull()
  })
})
