import type { Sql } from '../../infra/store/sql.ts'
import { sql } from '../../infra/store/sql.ts'
import type { Selector } from '../selector.ts'
import { columnCondition, needsOnlyColumns, seriesCondition } from '../selector-sql.ts'
import type { TimeRange } from '../time.ts'

/** What one side of a question is about. */
export type Scope = {
  readonly selector: Selector
  readonly range: TimeRange
  /** Profile type. */
  readonly type: string
}

/** Whole seconds: a profile belongs to the range its window starts in. */
export type Seconds = { readonly from: number; readonly to: number }

export function secondsOf({ fromMs, toMs }: TimeRange): Seconds {
  return { from: Math.ceil(fromMs / 1000), to: Math.ceil(toMs / 1000) }
}

function within(column: Sql, { from, to }: Seconds): Sql {
  return sql`${column} >= toDateTime(${from}, 'UTC') AND ${column} < toDateTime(${to}, 'UTC')`
}

/** Rows of `profiles` that belong to the selector and range; any type where `type` is null. */
export function profilesWhere(
  tenant: string,
  scope: Omit<Scope, 'type'> & { readonly type: string | null },
): Sql {
  const { selector, range, type } = scope
  const typed = type === null ? sql`` : sql` AND type = ${type}`
  const seconds = secondsOf(range)
  const where = sql`tenant = ${tenant} AND ${columnCondition(selector)}${typed}
    AND ${within(sql`time`, seconds)}`
  if (needsOnlyColumns(selector)) return where
  return sql`${where}
    AND series_id IN (SELECT series_id FROM series WHERE ${seriesWhere(tenant, selector, range)})`
}

export function rollupWhere(tenant: string, scope: Scope, seconds: Seconds): Sql {
  const { selector, type } = scope
  return sql`tenant = ${tenant} AND ${columnCondition(selector)} AND type = ${type}
    AND ${within(sql`bucket`, seconds)}`
}

export function seriesWhere(tenant: string, selector: Selector, range: TimeRange): Sql {
  const { from, to } = secondsOf(range)
  return sql`tenant = ${tenant} AND ${seriesCondition(selector)}
    AND day >= toDate(toDateTime(${from}, 'UTC')) AND day <= toDate(toDateTime(${to - 1}, 'UTC'))`
}

// For whoever reads stacks: rows with them are fat, the engine counts rows and would read with one
// thread. Over the narrow columns these would double the time.
export const STACKS_SETTINGS = sql`merge_tree_min_rows_for_concurrent_read = 512,
  merge_tree_min_bytes_for_concurrent_read = 1048576`
