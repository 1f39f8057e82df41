import { describe, expect, it } from 'vitest'
import {
  formatAge,
  formatRange,
  formatSpan,
  formatTime,
  parseTime,
  timeTicks,
  toUtc,
} from './format-time.ts'

const NOW = Date.parse('2026-11-25T12:00:00Z')

describe('parseTime', () => {
  it.each([
    ['now', NOW],
    ['now-15m', NOW - 900_000],
    ['now-7d', NOW - 7 * 86_400_000],
    ['2026-11-25T11:00:00Z', NOW - 3_600_000],
    ['2026-11-25T12:00:00+01:00', NOW - 3_600_000],
    [String(NOW), NOW],
    ['', null],
    ['yesterday', null],
    ['now-', null],
    ['now+1h', null],
    ['2026-13-45T99:00:00Z', null],
    ['<script>', null],
  ])('reads %j', (text, ms) => {
    expect(parseTime(text, NOW)).toBe(ms)
  })
})

describe('times on the page', () => {
  const at = new Date(2026, 10, 25, 14, 3).getTime()

  it('are local and short', () => {
    expect(formatTime(at, at)).toBe('25 Nov 14:03')
    expect(formatTime(new Date(2025, 0, 2, 3, 4).getTime(), at)).toBe('2 Jan 2025 03:04')
  })

  it('name the day once where a range stays within it', () => {
    expect(formatRange(at, at + 3_600_000, at)).toBe('25 Nov 14:03 – 15:03')
    expect(formatRange(at, at + 86_400_000, at)).toBe('25 Nov 14:03 – 26 Nov 14:03')
  })

  it('are UTC in links', () => {
    expect(toUtc(NOW)).toBe('2026-11-25T12:00:00Z')
    expect(toUtc(NOW + 5)).toBe('2026-11-25T12:00:00.005Z')
  })

  it.each([
    [10_000, 'just now'],
    [180_000, '3 min ago'],
    [7_200_000, '2 h ago'],
    [3 * 86_400_000, '3 d ago'],
  ])('say an age of %d ms as %s', (age, text) => {
    expect(formatAge(NOW - age, NOW)).toBe(text)
  })

  it('never say NaN', () => {
    for (const text of [
      formatTime(Number.NaN, NOW),
      formatAge(Number.NaN, NOW),
      formatSpan(Number.NaN),
    ])
      expect(text).toBe('–')
  })
})

describe('timeTicks', () => {
  it('stand on round local times, as many as there is room for', () => {
    const from = new Date(2026, 10, 25, 14, 2).getTime()
    const ticks = timeTicks(from, from + 3_600_000, 12)
    expect(ticks[0]?.label).toBe('14:05')
    expect(ticks.length).toBe(12)
  })

  it('name the day at midnight', () => {
    const from = new Date(2026, 10, 24, 18, 0).getTime()
    const labels = timeTicks(from, from + 12 * 3_600_000, 6).map((tick) => tick.label)
    expect(labels).toContain('25 Nov')
  })

  it('are none where there is no range', () => {
    expect(timeTicks(5, 5, 10)).toEqual([])
    expect(timeTicks(0, 1000, 0)).toEqual([])
  })
})
