import { styleText } from 'node:util'
import type { RegressionRow, RegressionsAnswer, ShiftRow } from '../../../query/api.ts'
import { align, clean } from '../terminal.ts'
import { describeDesign, formatShare, HEADLINES, linkTo } from './words.ts'

const COLOURS = { ok: 'green', regression: 'red', inconclusive: 'yellow' } as const

/** Lines for a terminal; coloured where stdout is one. */
export function formatTable(answer: RegressionsAnswer, server: URL): string[] {
  const { verdict, regressions, improvements, outliers, shifts } = answer
  const headline = styleText([COLOURS[verdict], 'bold'], HEADLINES[verdict])
  return [
    clean(`${answer.service}  ${answer.baseline.version} -> ${answer.candidate.version}`),
    `${headline}  ${clean(answer.reason)}`,
    describeDesign(answer),
    ...answer.warnings.map(clean),
    ...section('Dearer', regressions),
    ...section('Cheaper', improvements),
    ...section('Dearer on one host only, which says nothing of the version', outliers),
    ...describeShifts(shifts),
    ...(regressions.length === 0
      ? []
      : ['', ...regressions.slice(0, 3).map((row) => linkTo(row, server))]),
  ]
}

const HEAD = ['before', 'after', 'change', 'sure of', 'hosts', 'cores', 'function']

function section(title: string, rows: readonly RegressionRow[]): string[] {
  if (rows.length === 0) return []
  return ['', `${title}:`, ...align([HEAD, ...rows.map(formatRow)])]
}

function formatRow(row: RegressionRow): string[] {
  const { baseline, candidate, delta, interval, hostsAgree, cores, function: fn, metric } = row
  const module = fn.module === '' ? '' : `  (${fn.module})`
  return [
    formatShare(baseline),
    formatShare(candidate),
    formatShare(delta, true),
    `${formatShare(interval[0], true)} to ${formatShare(interval[1], true)}`,
    hostsAgree === null ? '' : `${Math.round(100 * hostsAgree)} %`,
    cores === null ? '' : cores.toPrecision(2),
    clean(`${fn.name}${metric === 'cum' ? ' and what it calls' : ''}${module}`),
  ]
}

const KINDS: Readonly<Record<ShiftRow['kind'], (from: string) => string>> = {
  rename: (from) => `is ${from} under another name`,
  wrapper: () => 'is new around what was there before',
  moved: (from) => `took over work within ${from}`,
}

function describeShifts(shifts: readonly ShiftRow[]): string[] {
  if (shifts.length === 0) return []
  const lines = shifts.map(
    ({ function: fn, kind, from, delta }) =>
      `  ${formatShare(delta, true)}  ${fn.name} ${KINDS[kind](from?.name ?? '')}`,
  )
  return ['', 'Moved, in all no dearer:', ...lines.map(clean)]
}
