import { expect, test } from 'vitest'
import { parseTime } from './time-parameter.ts'

const NOW = Date.UTC(2026, 5, 1, 12)

test.each([
  ['1780315200000', 1_780_315_200_000],
  ['0', 0],
  ['now', NOW],
  ['now-1h', NOW - 3_600_000],
  ['now+90s', NOW + 90_000],
  ['now-7d', NOW - 7 * 86_400_000],
  ['now-1w', NOW - 7 * 86_400_000],
  ['now-250ms', NOW - 250],
  ['2026-06-01T12:00:00Z', NOW],
  ['2026-06-01T14:00:00.500+02:00', NOW + 500],
  ['2026-06-01', Date.UTC(2026, 5, 1)],
])('%s is a time', (text, expected) => {
  expect(parseTime('from', text, NOW)).toBe(expected)
})

test.each([
  '',
  'yesterday',
  'now-',
  'now-1y',
  '-5',
  '1e3',
  '12:00',
  '2026-13-01T00:00:00Z',
  '2026-06-01T12:00:00',
  'Mon',
])('%j is none', (text) => {
  expect(() => parseTime('from', text, NOW)).toThrow(
    `Expected from to be a time, got ${JSON.stringify(text)}.`,
  )
})
