import { describe, expect, it, test } from 'vitest'
import { chooseStep, formatTime, parseDuration, parseRange, parseTime } from './time.ts'

const NOW = Date.UTC(2026, 10, 25, 3, 9, 22)
const HOUR = 3_600_000

describe('a time', () => {
  it.each([
    ['now', NOW],
    ['now-1h', NOW - HOUR],
    ['now-1h30m', NOW - 1.5 * HOUR],
    ['now+5m', NOW + 300_000],
    ['now-2d', NOW - 48 * HOUR],
    ['now-1w', NOW - 168 * HOUR],
    ['1700000000000', 1_700_000_000_000],
    ['0', 0],
    ['2026-11-25T03:09:22Z', NOW],
    ['2026-11-25T04:09:22+01:00', NOW],
    ['2026-11-25t03:09:22.5z', NOW + 500],
    ['2026-11-25 03:09:22.123456789Z', NOW + 123],
  ])('reads %s', (text, ms) => {
    expect(parseTime(text, 'from', NOW)).toBe(ms)
  })

  it.each([
    '',
    'yesterday',
    'now-',
    'now-1',
    'now-1y',
    '-5',
    '1e3',
    '2026-11-25',
    '2026-13-01T00:00:00Z',
    '2026-11-25T03:09:22',
    '99999999999999999',
    '1970-01-01T00:00:00+05:00',
    'now-99999999w',
  ])('refuses %j', (text) => {
    expect(() => parseTime(text, 'a_from', NOW)).toThrow('Expected a_from to be a time')
  })
})

describe('a range', () => {
  const options = { nowMs: NOW, maxDays: 31 }

  it('is the last hour by default, or the hour before `to`', () => {
    expect(parseRange(undefined, undefined, options)).toEqual({ fromMs: NOW - HOUR, toMs: NOW })
    expect(parseRange(undefined, 'now-1d', options)).toEqual({
      fromMs: NOW - 25 * HOUR,
      toMs: NOW - 24 * HOUR,
    })
  })

  it('must not be empty, turned round or too long', () => {
    expect(() => parseRange('now', 'now', options)).toThrow('Expected from to be before to')
    expect(() => parseRange('now', 'now-1h', { ...options, prefix: 'a_' })).toThrow(
      'Expected a_from to be before a_to',
    )
    expect(() => parseRange('now-32d', 'now', options)).toThrow('may span 31 days, got 32.0')
    expect(() => parseRange('now-31d', 'now', options)).not.toThrow()
  })
})

test('durations are units or seconds', () => {
  expect(parseDuration('30', 'step')).toBe(30_000)
  expect(parseDuration('1h30m', 'step')).toBe(5_400_000)
  for (const text of ['', '0', '0s', '-5m', '5', '1.5h', '5 m', 'h'].filter((t) => t !== '5'))
    expect(() => parseDuration(text, 'step')).toThrow('Expected step to be a duration')
})

test('the step is round and makes no more points than asked for', () => {
  const range = (ms: number) => ({ fromMs: NOW - ms, toMs: NOW })
  expect(chooseStep(range(HOUR), 60)).toBe(60_000)
  expect(chooseStep(range(HOUR), 59)).toBe(120_000)
  expect(chooseStep(range(90 * 24 * HOUR), 60)).toBe(172_800_000)
  expect(chooseStep(range(3660 * 24 * HOUR), 60) % 604_800_000).toBe(0)
  expect(formatTime(NOW)).toBe('2026-11-25T03:09:22.000Z')
})
