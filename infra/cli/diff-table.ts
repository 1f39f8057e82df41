import type { ComparedFunctionRow, ComparedFunctionsAnswer, Side } from '../../query/api.ts'
import { align, clean } from './terminal.ts'

// The compared function table for a terminal.

/** Lines: both sides, the table, and what the numbers rest on. */
export function formatComparison(answer: ComparedFunctionsAnswer, sort: 'flat' | 'cum'): string[] {
  const unit = unitOf(answer)
  const rows = answer.rows.map((row) => formatRow(row, answer, sort, unit))
  const head = [`A ${unit.name}`, `B ${unit.name}`, 'B - A', 'change', 'function']
  const more = answer.count - answer.rows.length
  return [
    ...describeSide('A', answer.a),
    ...describeSide('B', answer.b),
    '',
    ...align([head, ...rows]),
    ...(more > 0 ? ['', `${more} further functions changed less.`] : []),
    '',
    answer.certainty,
  ]
}

type Unit = { readonly name: string; readonly factor: number }

function unitOf({ normalize, unit }: ComparedFunctionsAnswer): Unit {
  if (normalize === 'share') return { name: '%', factor: 100 }
  const perSecond = normalize === 'host'
  if (unit === 'nanoseconds')
    return perSecond ? { name: 'cores/host', factor: 1e-9 } : { name: 'seconds', factor: 1e-9 }
  return { name: perSecond ? `${unit}/s` : unit, factor: 1 }
}

function formatRow(
  row: ComparedFunctionRow,
  answer: ComparedFunctionsAnswer,
  sort: 'flat' | 'cum',
  { factor }: Unit,
): string[] {
  const [a, b] = sort === 'flat' ? [row.flatA, row.flatB] : [row.cumA, row.cumB]
  const xA = normalise(Number(a), answer, answer.a)
  const xB = normalise(Number(b), answer, answer.b)
  const { name, module } = row.function
  const where = module === '' ? '' : `  (${module})`
  return [
    formatNumber(xA * factor),
    formatNumber(xB * factor),
    `${row.delta > 0 ? '+' : ''}${formatNumber(row.delta * factor)}`,
    formatChange(xA, xB),
    clean(name + where),
  ]
}

function normalise(value: number, { normalize }: ComparedFunctionsAnswer, side: Side): number {
  if (normalize === 'raw') return value
  const by = normalize === 'share' ? Number(side.total) : side.hostSeconds
  return by > 0 ? value / by : 0
}

function formatChange(xA: number, xB: number): string {
  if (xA === xB) return 'same'
  if (xA === 0) return 'new'
  if (xB === 0) return 'gone'
  return `${formatNumber(xB / xA)}x`
}

// Three significant digits, and never 0.00 for what is not 0.
function formatNumber(value: number): string {
  if (value === 0) return '0'
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return digits > 9 ? value.toExponential(2) : value.toFixed(digits)
}

function describeSide(letter: string, side: Side): string[] {
  const counts = [
    `${side.profiles} ${side.profiles === 1 ? 'profile' : 'profiles'}`,
    ...(side.samples === null ? [] : [`${side.samples} samples`]),
    `${side.hosts} ${side.hosts === 1 ? 'host' : 'hosts'}`,
  ]
  const line = `${letter}  ${side.query}  ${side.from} to ${side.to}  ${counts.join(', ')}`
  return [clean(line), ...(side.note === undefined ? [] : [`   ${side.note}`])]
}
