import { describe, expect, it } from 'vitest'
import {
  formatConfidence,
  formatCores,
  formatCount,
  formatNumber,
  formatPoints,
  formatRelative,
  formatShare,
  formatSigned,
  formatValue,
} from './format-value.ts'

describe('formatValue', () => {
  it.each([
    [0, 'nanoseconds', '0 ns'],
    [999, 'nanoseconds', '999 ns'],
    [10_101_010, 'nanoseconds', '10.1 ms'],
    [1.5e9, 'nanoseconds', '1.50 s'],
    [90e9, 'nanoseconds', '1.50 min'],
    [7200e9, 'nanoseconds', '2.00 h'],
    [36e15, 'nanoseconds', '10,000 h'],
    [1536, 'bytes', '1.50 KiB'],
    [3 * 2 ** 40, 'bytes', '3.00 TiB'],
    [12, 'count', '12.0'],
    [1234567, 'count', '1.23 M'],
    [5, 'objects', '5.00 objects'],
    [2500, 'milliseconds', '2.50 s'],
  ])('%d %s is %s', (value, unit, text) => {
    expect(formatValue(value, unit)).toBe(text)
  })
})

describe('shares and changes', () => {
  it.each([
    [0, '0%'],
    [1, '100.0%'],
    [0.1234, '12.3%'],
    [0.01234, '1.23%'],
    [0.001234, '0.12%'],
    [0.0001234, '0.012%'],
    [0.000001234, '0.00012%'],
    [1e-9, '<0.0001%'],
  ])('%d is %s', (share, text) => {
    expect(formatShare(share)).toBe(text)
  })

  it.each([
    [0.02, '+2.00 pp'],
    [-0.02, '−2.00 pp'],
    [0, '0 pp'],
    [0.000012, '+0.0012 pp'],
  ])('a difference of %d is %s', (delta, text) => {
    expect(formatPoints(delta)).toBe(text)
  })

  it.each([
    [0, 0, '–'],
    [0, 1, 'new'],
    [1, 0, 'gone'],
    [1, 1, 'same'],
    [1, 1.0001, 'same'],
    [1, 1.05, '+5.0%'],
    [1, 0.5, '−50%'],
    [1, 2.13, '2.1×'],
    [1, 12.6, '13×'],
    [1, 1e9, '>1000×'],
  ])('from %d to %d is %s', (a, b, text) => {
    expect(formatRelative(a, b)).toBe(text)
  })

  it('says certainty in words', () => {
    expect([0, 0.2, 0.7, 1, Number.NaN].map(formatConfidence)).toEqual([
      'no evidence',
      'little evidence',
      'some evidence',
      'enough samples',
      'no evidence',
    ])
  })
})

describe('every format', () => {
  const extremes = [
    0,
    -0,
    1,
    -1,
    2 ** 53,
    -(2 ** 53),
    1e-300,
    1e300,
    Number.NaN,
    Infinity,
    -Infinity,
  ]

  it('never says NaN, Infinity or undefined', () => {
    for (const x of extremes) {
      const texts = [
        formatNumber(x),
        formatCount(x),
        formatCores(x),
        formatShare(x),
        formatPoints(x),
        formatConfidence(x),
        formatSigned(x, formatNumber),
        ...['nanoseconds', 'bytes', 'count', '', 'x'].map((unit) => formatValue(x, unit)),
        ...extremes.map((y) => formatRelative(x, y)),
      ]
      for (const text of texts) expect(text).not.toMatch(/NaN|Infinity|undefined|^$/)
    }
  })

  it('groups large numbers', () => {
    expect(formatCount(1234567.4)).toBe('1,234,567')
    expect(formatNumber(12345)).toBe('12,345')
  })
})
