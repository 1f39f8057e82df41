import type { ComparedFunctionsAnswer, FunctionInfo, FunctionsAnswer } from '../../query/api.ts'
import type { Scales } from '../flamegraph/layout.ts'

// Rows of the function table. Sorting is a pure function of the address, so a link shows the same
// rows in the same order.

export type Row = {
  readonly info: FunctionInfo
  /** Raw values; with one side only the `a` ones count. */
  readonly flatA: number
  readonly cumA: number
  readonly flatB: number
  readonly cumB: number
  /** Normalised B minus A; 0 with one side. */
  readonly flatDelta: number
  readonly cumDelta: number
  readonly confidence: number
}

export type Column = keyof Omit<Row, 'info'> | 'name' | 'relative'

const COLUMNS: readonly Column[] = [
  'name',
  'flatA',
  'flatB',
  'flatDelta',
  'cumA',
  'cumB',
  'cumDelta',
  'relative',
  'confidence',
]

export type Sort = { readonly column: Column; readonly ascending: boolean }

/** Reads the `sort` key of an address: a column, ascending with a '-' before it. */
export function parseSort(text: string, compared: boolean): Sort {
  const ascending = text.startsWith('-')
  const column = COLUMNS.find((name) => name === text.slice(ascending ? 1 : 0))
  const plain = column === 'name' || column === 'flatA' || column === 'cumA'
  if (column && (compared || plain)) return { column, ascending }
  return { column: compared ? 'flatDelta' : 'flatA', ascending: false }
}

export function formatSort({ column, ascending }: Sort): string {
  return ascending ? `-${column}` : column
}

/** Which values the server must rank by so that the rows it sends hold the top of `column`. */
export function serverSort(column: Column): 'flat' | 'cum' {
  return column.startsWith('cum') ? 'cum' : 'flat'
}

export function plainRows(answer: FunctionsAnswer): Row[] {
  return answer.rows.map((row) => ({
    info: row.function,
    flatA: Number(row.flat),
    cumA: Number(row.cum),
    flatB: 0,
    cumB: 0,
    flatDelta: 0,
    cumDelta: 0,
    confidence: 0,
  }))
}

export function comparedRows(answer: ComparedFunctionsAnswer, scales: Scales): Row[] {
  return answer.rows.map((row) => {
    const [flatA, flatB] = [Number(row.flatA), Number(row.flatB)]
    const [cumA, cumB] = [Number(row.cumA), Number(row.cumB)]
    return {
      info: row.function,
      flatA,
      cumA,
      flatB,
      cumB,
      flatDelta: flatB * scales.b - flatA * scales.a,
      cumDelta: cumB * scales.b - cumA * scales.a,
      confidence: row.confidence,
    }
  })
}

/**
 * Rows in the order of the table. A difference ranks by its size times its certainty: the largest
 * change that is known to be one stands on top, noise below it.
 */
export function sortRows(rows: readonly Row[], sort: Sort, scales: Scales): Row[] {
  const key = keyOf(sort.column, scales)
  const sign = sort.ascending ? 1 : -1
  const sorted = [...rows]
  if (sort.column === 'name') sorted.sort((x, y) => sign * compareText(x.info.name, y.info.name))
  else
    sorted.sort(
      (x, y) => sign * (key(x) - key(y)) || y.flatB + y.flatA - (x.flatB + x.flatA) || byId(x, y),
    )
  return sorted
}

function keyOf(column: Column, scales: Scales): (row: Row) => number {
  if (column === 'flatDelta' || column === 'cumDelta')
    return (row) => Math.abs(row[column]) * (0.001 + row.confidence)
  if (column === 'relative') return (row) => ratioKey(row.flatA * scales.a, row.flatB * scales.b)
  if (column === 'name') return () => 0
  return (row) => row[column]
}

// New on top, then growth, then shrinking, gone at the bottom.
function ratioKey(xA: number, xB: number): number {
  const most = Math.max(xA, xB)
  return most > 0 ? (xB - xA) / most : 0
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function byId(x: Row, y: Row): number {
  return compareText(x.info.id, y.info.id)
}
