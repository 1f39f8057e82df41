import { useMemo } from 'preact/hooks'
import type { Normalize } from '../../query/api.ts'
import { api } from '../api-client.ts'
import { Failure, Progress } from '../elements/notice.tsx'
import { scalesOf } from '../flamegraph/layout.ts'
import { parseSearch } from '../flamegraph/search.ts'
import { formatCount } from '../format-value.ts'
import type { Sides } from '../sides.ts'
import type { UrlState } from '../url-state.ts'
import { useAnswer } from '../use-answer.ts'
import type { Table } from './function-columns.ts'
import { FunctionGrid } from './function-grid.tsx'
import {
  comparedRows,
  parseSort,
  plainRows,
  type Sort,
  serverSort,
  sortRows,
} from './function-rows.ts'

// The server ranks all functions and sends the largest; the page sorts what it was sent.
const MOST_ROWS = 2000

type Question = {
  readonly type: string
  readonly normalize: Normalize
  readonly sort: 'flat' | 'cum'
}

async function loadTable({ a, b }: Sides, ask: Question, signal: AbortSignal): Promise<Table> {
  const { type, sort } = ask
  if (!a) {
    const answer = await api.functions(b.part, { type, sort, limit: MOST_ROWS }, signal)
    const { side, unit, count } = answer
    const scales = scalesOf('share', side, null)
    const meaning = { count, unit, normalize: 'share', scales, a: side, b: null } as const
    return {
      rows: plainRows(answer),
      ...meaning,
      tested: sort,
      most: { flatDelta: 0, cumDelta: 0 },
    }
  }
  const answer = await api.comparedFunctions(a.part, b.part, { ...ask, limit: MOST_ROWS }, signal)
  const scales = scalesOf(answer.normalize, answer.a, answer.b)
  const rows = comparedRows(answer, scales)
  const most = { flatDelta: 0, cumDelta: 0 }
  for (const row of rows) {
    most.flatDelta = Math.max(most.flatDelta, Math.abs(row.flatDelta))
    most.cumDelta = Math.max(most.cumDelta, Math.abs(row.cumDelta))
  }
  return { ...answer, rows, scales, tested: sort, most }
}

/** Functions with what they cost, on both sides where there are two. */
export function FunctionTable(props: {
  state: UrlState
  sides: Sides
  /** Rows shown at most; without it all, in a scrolling pane. */
  limit?: number
  /** Where a row leads. */
  href: (functionId: string) => string
}) {
  const { state, sides } = props
  const sort = parseSort(state.sort, sides.a !== null)
  const ask = { type: state.type, normalize: state.normalize, sort: serverSort(sort.column) }
  const key = JSON.stringify([sides.a?.part, sides.b.part, ask])
  const answer = useAnswer(key, (signal) => loadTable(sides, ask, signal))
  if (answer.error)
    return (
      <Failure
        what="The functions could not be loaded."
        error={answer.error}
        onRetry={answer.retry}
      />
    )
  return (
    <div class={answer.loading ? 'functions is-stale' : 'functions'}>
      <Progress on={answer.loading} />
      {answer.value && <LoadedTable {...props} table={answer.value} sort={sort} />}
    </div>
  )
}

function LoadedTable(props: {
  table: Table
  sort: Sort
  state: UrlState
  limit?: number
  href: (functionId: string) => string
}) {
  const { table, sort, state, limit } = props
  const sorted = useMemo(
    () => sortRows(table.rows, sort, table.scales),
    [table, sort.column, sort.ascending],
  )
  const rows = useMemo(() => {
    const matcher = state.search === '' ? null : parseSearch(state.search)
    return matcher ? sorted.filter((row) => matcher(row.info.name)) : sorted
  }, [sorted, state.search])
  const shown = limit === undefined ? rows : rows.slice(0, limit)
  const cut = table.count - table.rows.length
  return (
    <>
      <FunctionGrid
        rows={shown}
        table={table}
        sort={sort}
        selected={state.fn}
        href={props.href}
        whole={limit !== undefined}
      />
      <p class="functions-foot">
        {shown.length < table.rows.length && `${formatCount(shown.length)} of `}
        {formatCount(table.rows.length)} functions
        {cut > 0 && `; the ${formatCount(cut)} with the smallest values are not listed`}
      </p>
    </>
  )
}
