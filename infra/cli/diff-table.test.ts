import { expect, test } from 'vitest'
import type { ComparedFunctionsAnswer } from '../../query/api.ts'
import { formatComparison } from './diff-table.ts'

const side = (query: string, total: number) => ({
  ...{ query, from: '2026-11-25T02:00:00.000Z', to: '2026-11-25T03:00:00.000Z' },
  ...{ total, profiles: 1, samples: total / 10, hosts: 2, hostSeconds: 100, brokenShare: 0 },
})

const row = (name: string, a: number, b: number, delta: number) => ({
  function: { id: '1', name, file: '', module: 'app', kind: 'native' },
  ...{ flatA: a, flatB: b, cumA: a, cumB: b, delta, confidence: 1 },
})

const ANSWER: ComparedFunctionsAnswer = {
  ...{ type: 't', unit: 'nanoseconds', normalize: 'share' },
  a: side('{version="v1"}', 1000),
  b: side('{version="v2"}', 2000),
  rows: [
    row('render', 100, 600, 0.2),
    row('fresh', 0, 2, 0.001),
    row('old', 1, 0, -0.001),
    row('kept', 500, 1000, 0),
  ],
  ...{ count: 6, certainty: 'Colour shows size only.' },
}

test('the table is aligned and says what changed in numbers and words', () => {
  expect(formatComparison(ANSWER, 'flat')).toEqual([
    'A  {version="v1"}  2026-11-25T02:00:00.000Z to 2026-11-25T03:00:00.000Z  1 profile, 100 samples, 2 hosts',
    'B  {version="v2"}  2026-11-25T02:00:00.000Z to 2026-11-25T03:00:00.000Z  1 profile, 200 samples, 2 hosts',
    '',
    '  A %    B %   B - A  change  function',
    ' 10.0   30.0   +20.0   3.00x  render  (app)',
    '    0  0.100  +0.100     new  fresh  (app)',
    '0.100      0  -0.100    gone  old  (app)',
    ' 50.0   50.0       0    same  kept  (app)',
    '',
    '2 further functions changed less.',
    '',
    'Colour shows size only.',
  ])
})

test('nanoseconds are cores per host, or seconds', () => {
  const table = (normalize: 'host' | 'raw') =>
    formatComparison({ ...ANSWER, normalize, rows: [row('f', 2e11, 1e11, -1e9)] }, 'cum')
  expect(table('host')[3]).toContain('A cores/host')
  expect(table('host')[4]?.trim().split(/\s+/).slice(0, 2)).toEqual(['2.00', '1.00'])
  expect(table('raw')[3]).toContain('A seconds')
  expect(table('raw')[4]?.trim().split(/\s+/).slice(0, 2)).toEqual(['200', '100'])
})

test('an empty side gives zeros, never NaN', () => {
  const empty = { ...ANSWER, a: { ...side('{}', 0), samples: null, hostSeconds: 0 } }
  for (const normalize of ['share', 'host', 'raw'] as const) {
    const text = formatComparison(
      { ...empty, normalize, rows: [row('f', 0, 5, 0.1)] },
      'flat',
    ).join()
    expect(text).not.toMatch(/NaN|Infinity/)
    expect(text).toContain('new')
  }
})

test('what a side lacks stands under it', () => {
  const lacking = { ...ANSWER, b: { ...ANSWER.b, note: 'Profiles have expired.' } }
  expect(formatComparison(lacking, 'flat').slice(1, 4)).toEqual([
    expect.stringMatching(/^B /),
    '   Profiles have expired.',
    '',
  ])
})

test('names cannot steer the terminal', () => {
  const text = formatComparison({ ...ANSWER, rows: [row('\u001b[2J\u202eevil', 1, 2, 1)] }, 'flat')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  expect(text.join('\n')).not.toMatch(/[\u001b\u202e]/)
})
