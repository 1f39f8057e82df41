import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Normalize, Side } from '../../query/api.ts'
import { api } from '../api-client.ts'
import { Failure, Progress } from '../elements/notice.tsx'
import { delta } from '../flamegraph/facts.ts'
import { visible } from '../flamegraph/label.ts'
import { type Scales, scalesOf } from '../flamegraph/layout.ts'
import { type Matcher, parseSearch } from '../flamegraph/search.ts'
import {
  formatConfidence,
  formatCount,
  formatRelative,
  formatShare,
  formatValue,
} from '../format-value.ts'
import { change } from '../navigation.ts'
import type { Sides } from '../sides.ts'
import { formatUrl, type UrlState } from '../url-state.ts'
import { useAnswer } from '../use-answer.ts'
import {
  type Column,
  comparedRows,
  formatSort,
  parseSort,
  plainRows,
  type Row,
  type Sort,
  serverSort,
  sortRows,
} from './function-rows.ts'

const MOST_ROWS = 2000
const ROW_PX = 28

type Table = {
  readonly rows: readonly Row[]
  readonly count: number
  readonly unit: string
  readonly normalize: Normalize
  readonly scales: Scales
  readonly a: Side
  readonly b: Side | null
}

async function loadTable(
  sides: Sides,
  ask: { type: string; normalize: Normalize; sort: 'flat' | 'cum' },
  signal: AbortSignal,
): Promise<Table> {
  const { a, b } = sides
  if (!a) {
    const answer = await api.functions(
      b.part,
      { type: ask.type, sort: ask.sort, limit: MOST_ROWS },
      signal,
    )
    const { side, unit, count } = answer
    const scales = scalesOf('share', side, null)
    return { rows: plainRows(answer), count, unit, normalize: 'share', scales, a: side, b: null }
  }
  const answer = await api.comparedFunctions(a.part, b.part, { ...ask, limit: MOST_ROWS }, signal)
  const scales = scalesOf(answer.normalize, answer.a, answer.b)
  return { ...answer, rows: comparedRows(answer, scales), scales }
}

/** Functions with what they cost, on both sides where there are two. */
export function FunctionTable(props: {
  state: UrlState
  sides: Sides | null
  /** Rows shown at most; without it all, in a scrolling pane. */
  limit?: number
  /** Where a row leads. */
  href: (functionId: string) => string
  refresh: number
}) {
  const { state, sides } = props
  const sort = parseSort(state.sort, Boolean(sides?.a))
  const ask = { type: state.type, normalize: state.normalize, sort: serverSort(sort.column) }
  const key = sides && JSON.stringify([sides.a?.part, sides.b.part, ask, props.refresh])
  const answer = useAnswer(key, (signal) => loadTable(sides as Sides, ask, signal))
  if (answer.error)
    return (
      <Failure
        what="The functions could not be loaded."
        error={answer.error}
        onRetry={answer.retry}
      />
    )
  return (
    <div class="functions">
      <Progress on={answer.loading} />
      {answer.value && (
        <Loaded
          table={answer.value}
          sort={sort}
          state={state}
          limit={props.limit}
          href={props.href}
        />
      )}
    </div>
  )
}

function Loaded(props: {
  table: Table
  sort: Sort
  state: UrlState
  limit: number | undefined
  href: (functionId: string) => string
}) {
  const { table, sort, state } = props
  const sorted = useMemo(
    () => sortRows(table.rows, sort, table.scales),
    [table, sort.column, sort.ascending],
  )
  const matcher: Matcher | null = useMemo(
    () => (state.search === '' ? null : parseSearch(state.search)),
    [state.search],
  )
  const rows = useMemo(
    () => (matcher ? sorted.filter((row) => matcher(row.info.name)) : sorted),
    [sorted, matcher],
  )
  const columns = table.b ? COMPARED : PLAIN
  const cut = table.count - table.rows.length
  return (
    <>
      <Rows
        rows={props.limit ? rows.slice(0, props.limit) : rows}
        columns={columns}
        table={table}
        sort={sort}
        selected={state.fn}
        href={props.href}
        fixed={props.limit !== undefined}
      />
      <p class="functions-foot">
        {matcher ? `${formatCount(rows.length)} of ` : ''}
        {formatCount(table.rows.length)} functions
        {cut > 0 && ` (the ${formatCount(cut)} smallest are not listed)`}
      </p>
    </>
  )
}

type Cell = {
  readonly column: Column
  readonly title: string
  readonly hint: string
  readonly side?: 'A' | 'B'
  readonly text: (row: Row, table: Table) => string
  readonly quiet?: (row: Row, table: Table) => string
}

const share = (value: number, side: Side | null): string =>
  formatShare(side && Number(side.total) > 0 ? value / Number(side.total) : 0)

const PLAIN: readonly Cell[] = [
  {
    column: 'flatA',
    title: 'Self',
    hint: 'Time in the function itself',
    text: (row, t) => share(row.flatA, t.a),
    quiet: (row, t) => formatValue(row.flatA, t.unit),
  },
  {
    column: 'cumA',
    title: 'Total',
    hint: 'The function with everything it calls, once per stack',
    text: (row, t) => share(row.cumA, t.a),
    quiet: (row, t) => formatValue(row.cumA, t.unit),
  },
]

const COMPARED: readonly Cell[] = [
  {
    column: 'flatA',
    title: 'Self A',
    side: 'A',
    hint: 'In the function itself, baseline',
    text: (row, t) => share(row.flatA, t.a),
  },
  {
    column: 'flatB',
    title: 'Self B',
    side: 'B',
    hint: 'In the function itself, candidate',
    text: (row, t) => share(row.flatB, t.b),
  },
  {
    column: 'flatDelta',
    title: 'Δ Self',
    hint: 'B minus A; the largest change that is certain first',
    text: (row, t) => delta(t, row.flatA * t.scales.a, row.flatB * t.scales.b),
  },
  {
    column: 'cumA',
    title: 'Total A',
    side: 'A',
    hint: 'With everything it calls, baseline',
    text: (row, t) => share(row.cumA, t.a),
  },
  {
    column: 'cumB',
    title: 'Total B',
    side: 'B',
    hint: 'With everything it calls, candidate',
    text: (row, t) => share(row.cumB, t.b),
  },
  {
    column: 'cumDelta',
    title: 'Δ Total',
    hint: 'B minus A; the largest change that is certain first',
    text: (row, t) => delta(t, row.cumA * t.scales.a, row.cumB * t.scales.b),
  },
  {
    column: 'relative',
    title: 'Change',
    hint: 'Self of B compared with A',
    text: (row, t) => formatRelative(row.flatA * t.scales.a, row.flatB * t.scales.b),
  },
  {
    column: 'confidence',
    title: 'Certainty',
    hint: 'How sure it is that this is a change and no noise',
    text: (row) => formatConfidence(row.confidence),
  },
]

function Rows(props: {
  rows: readonly Row[]
  columns: readonly Cell[]
  table: Table
  sort: Sort
  selected: string | null
  href: (functionId: string) => string
  fixed: boolean
}) {
  const { rows, columns, table, sort } = props
  const body = useRef<HTMLDivElement>(null)
  const [seen, setSeen] = useState({ top: 0, height: 400 })
  useEffect(() => {
    const element = body.current
    if (!element || props.fixed) return
    const read = (): void => setSeen({ top: element.scrollTop, height: element.clientHeight })
    const observer = new ResizeObserver(read)
    observer.observe(element)
    element.addEventListener('scroll', read, { passive: true })
    return () => {
      observer.disconnect()
      element.removeEventListener('scroll', read)
    }
  }, [props.fixed])
  const from = props.fixed ? 0 : Math.max(0, Math.floor(seen.top / ROW_PX) - 6)
  const to = props.fixed
    ? rows.length
    : Math.min(rows.length, Math.ceil((seen.top + seen.height) / ROW_PX) + 6)
  return (
    <section
      ref={body}
      class={props.fixed ? 'rows' : 'rows is-scrolling'}
      aria-label="List of functions"
      style={{ '--above': `${from * ROW_PX}px`, '--below': `${(rows.length - to) * ROW_PX}px` }}
    >
      <table class={table.b ? 'grid is-compared' : 'grid'} aria-rowcount={rows.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            <Heading column="name" title="Function" hint="By name" sort={sort} />
            {columns.map((cell) => (
              <Heading key={cell.column} {...cell} sort={sort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(from, to).map((row, i) => (
            <tr
              key={row.info.id}
              aria-rowindex={from + i + 2}
              class={row.info.id === props.selected ? 'is-selected' : ''}
            >
              <th scope="row" title={visible(row.info.name)}>
                <a href={props.href(row.info.id)}>
                  <bdi>{visible(row.info.name)}</bdi>
                </a>
                <span class="module">
                  <bdi>{visible(row.info.module)}</bdi>
                </span>
              </th>
              {columns.map((cell) => (
                <td key={cell.column} class={classOf(cell, row)}>
                  {cell.text(row, table)}
                  {cell.quiet && <span class="quiet">{cell.quiet(row, table)}</span>}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function classOf(cell: Cell, row: Row): string {
  if (cell.column === 'confidence') return row.confidence > 0 ? 'word' : 'word quiet'
  if (cell.column !== 'flatDelta' && cell.column !== 'cumDelta' && cell.column !== 'relative')
    return ''
  const change = cell.column === 'cumDelta' ? row.cumDelta : row.flatDelta
  if (row.confidence <= 0 || change === 0) return 'quiet'
  return change > 0 ? 'is-more' : 'is-less'
}

function Heading(props: {
  column: Column
  title: string
  hint: string
  side?: 'A' | 'B'
  sort: Sort
}) {
  const { column, sort } = props
  const active = sort.column === column
  const ascending = active ? !sort.ascending : column === 'name'
  return (
    <th
      scope="col"
      class={props.side ? `side-${props.side}` : ''}
      aria-sort={active ? (sort.ascending ? 'ascending' : 'descending') : undefined}
    >
      <button
        type="button"
        title={props.hint}
        onClick={() => change({ sort: formatSort({ column, ascending }) })}
      >
        {props.title}
        <span class="sort-mark" aria-hidden="true">
          {active ? (sort.ascending ? '↑' : '↓') : ''}
        </span>
      </button>
    </th>
  )
}

/** Address of a function's sandwich from a state. */
export function sandwichHref(state: UrlState, fn: string): string {
  return formatUrl({ ...state, panes: 'sandwich', fn, frame: null, zoom: null })
}
