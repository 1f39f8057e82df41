import type { Normalize, Side } from '../../query/api.ts'
import { delta } from '../flamegraph/facts.ts'
import type { Scales } from '../flamegraph/layout.ts'
import { formatConfidence, formatRelative, formatShare, formatValue } from '../format-value.ts'
import type { Column, Row } from './function-rows.ts'

/** Rows of the function table with what their numbers mean. */
export type Table = {
  readonly rows: readonly Row[]
  /** Functions there are in all; the rows are the largest of them. */
  readonly count: number
  readonly unit: string
  readonly normalize: Normalize
  readonly scales: Scales
  readonly a: Side
  /** Null with one side, which then stands in `a`. */
  readonly b: Side | null
  /** Which values the server ranked and tested. */
  readonly tested: 'flat' | 'cum'
  /** Largest absolute changes of any row, for bars. */
  readonly most: { readonly flatDelta: number; readonly cumDelta: number }
}

export type Cell = {
  readonly column: Column
  readonly title: string
  readonly hint: string
  readonly side?: 'A' | 'B'
  /** Class of its column, which sets the width. */
  readonly size: 'number' | 'change' | 'pair' | 'word'
  readonly text: (row: Row, table: Table) => string
  readonly quiet?: (row: Row, table: Table) => string
  /** Length of a bar beside the number: 0..1, for changes -1..1. */
  readonly bar?: (row: Row, table: Table) => number
}

const part = (value: number, side: Side | null): number =>
  side && Number(side.total) > 0 ? value / Number(side.total) : 0

const change = (row: Row, column: 'flat' | 'cum', { scales }: Table): readonly [number, number] =>
  column === 'flat'
    ? [row.flatA * scales.a, row.flatB * scales.b]
    : [row.cumA * scales.a, row.cumB * scales.b]

function plain(column: 'flatA' | 'cumA', title: string, hint: string): Cell {
  return {
    column,
    title,
    hint,
    size: 'pair',
    text: (row, table) => formatShare(part(row[column], table.a)),
    quiet: (row, table) => formatValue(row[column], table.unit),
    bar: (row, table) => part(row[column], table.a),
  }
}

function sideCell(column: 'flatA' | 'flatB' | 'cumA' | 'cumB', title: string, hint: string): Cell {
  const side = column.endsWith('A') ? 'A' : 'B'
  return {
    column,
    title: `${title} ${side}`,
    hint: `${hint}, ${side === 'A' ? 'baseline' : 'candidate'}`,
    side,
    size: 'number',
    text: (row, table) => formatShare(part(row[column], side === 'A' ? table.a : table.b)),
  }
}

function changeCell(column: 'flatDelta' | 'cumDelta', title: string): Cell {
  const of = column === 'flatDelta' ? 'flat' : 'cum'
  return {
    column,
    title: `Δ ${title}`,
    hint: 'B minus A; the largest change that is certain first',
    size: 'change',
    text: (row, table) => delta(table, ...change(row, of, table)),
    bar: (row, table) => (table.most[column] > 0 ? row[column] / table.most[column] : 0),
  }
}

const SELF = 'In the function itself'
const TOTAL = 'With everything it calls, once per stack'

export const PLAIN: readonly Cell[] = [plain('flatA', 'Self', SELF), plain('cumA', 'Total', TOTAL)]

export const COMPARED: readonly Cell[] = [
  sideCell('flatA', 'Self', SELF),
  sideCell('flatB', 'Self', SELF),
  changeCell('flatDelta', 'Self'),
  sideCell('cumA', 'Total', TOTAL),
  sideCell('cumB', 'Total', TOTAL),
  changeCell('cumDelta', 'Total'),
  {
    column: 'relative',
    title: 'Change',
    hint: 'B compared with A: of Self, or of Total where the table is sorted by it',
    size: 'number',
    text: (row, table) => formatRelative(...change(row, table.tested, table)),
  },
  {
    column: 'confidence',
    title: 'Evidence',
    hint: 'What the change rests on, see the line above the graph: of Self, or of Total where the table is sorted by it',
    size: 'word',
    text: (row) => formatConfidence(row.confidence),
  },
]

/** How a change is coloured: only what was tested, and only as far as it is certain. */
export function toneOf(cell: Cell, row: Row, table: Table): string {
  if (cell.column === 'confidence') return row.confidence > 0 ? '' : 'quiet'
  const tested = table.tested === 'flat' ? 'flatDelta' : 'cumDelta'
  if (cell.column !== 'relative' && cell.size !== 'change') return ''
  if (cell.size === 'change' && cell.column !== tested) return ''
  if (!(row.confidence > 0) || row[tested] === 0) return 'quiet'
  return row[tested] > 0 ? 'is-more' : 'is-less'
}
