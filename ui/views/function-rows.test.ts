import { describe, expect, it } from 'vitest'
import { formatSort, parseSort, type Row, serverSort, sortRows } from './function-rows.ts'

function row(name: string, part: Partial<Row>): Row {
  const nothing = { flatA: 0, flatB: 0, cumA: 0, cumB: 0, flatDelta: 0, cumDelta: 0, confidence: 0 }
  return { info: { id: name, name, file: '', module: '', kind: '' }, ...nothing, ...part }
}

const rows = [
  row('noise', { flatA: 50, flatB: 60, flatDelta: 10, confidence: 0 }),
  row('worse', { flatA: 1, flatB: 3, flatDelta: 2, confidence: 1 }),
  row('better', { flatA: 9, flatB: 4, flatDelta: -5, confidence: 0.5 }),
  row('new', { flatA: 0, flatB: 1, flatDelta: 1, confidence: 1 }),
]
const SCALES = { a: 1, b: 1 }
const order = (text: string) =>
  sortRows(rows, parseSort(text, true), SCALES).map((one) => one.info.name)

describe('sortRows', () => {
  it('puts the largest certain change on top and noise below it', () => {
    expect(order('')).toEqual(['better', 'worse', 'new', 'noise'])
  })

  it('sorts by any column both ways', () => {
    expect(order('flatB')).toEqual(['noise', 'better', 'worse', 'new'])
    expect(order('-flatB')).toEqual(['new', 'worse', 'better', 'noise'])
    expect(order('relative')[0]).toBe('new')
    expect(order('-name')).toEqual(['better', 'new', 'noise', 'worse'])
  })
})

describe('the sort key of an address', () => {
  it('is read and written', () => {
    for (const text of ['cumB', '-flatA', 'relative'])
      expect(formatSort(parseSort(text, true))).toBe(text)
  })

  it('falls back where a column does not exist or does not fit', () => {
    expect(parseSort('nonsense', true).column).toBe('flatDelta')
    expect(parseSort('cumDelta', false).column).toBe('flatA')
  })

  it('asks the server for the ranking that holds its top', () => {
    expect([serverSort('cumB'), serverSort('flatDelta'), serverSort('name')]).toEqual([
      'cum',
      'flat',
      'flat',
    ])
  })
})
