import type { Sql } from '../../infra/store/sql.ts'
import { joinSql, sql } from '../../infra/store/sql.ts'
import { labelOfSeries, needsOnlyColumns } from '../selector-sql.ts'
import type { Scope } from './scope.ts'
import { seriesWhere } from './scope.ts'

/** How rows of `profiles` are told apart by labels. */
export type Grouping = {
  /** Array(String): the values of the labels, in the order asked for. */
  readonly labels: Sql
  /** What has to be joined for it, after the table's name. */
  readonly join: Sql
}

/** Service and version are columns, any other label takes a look into `series`. */
export function groupBy(tenant: string, by: readonly string[], scope: Scope): Grouping {
  if (by.length === 0) return { labels: sql`emptyArrayString()`, join: sql`` }
  const values = sql`[${joinSql(
    by.map((name) => sql`toString(${labelOfSeries(name)})`),
    ', ',
  )}]`
  const asked = by.map((name) => ({ name, operator: '=' as const, value: '' }))
  if (needsOnlyColumns(asked)) return { labels: values, join: sql`` }
  return {
    labels: sql`groupLabels`,
    join: sql`INNER JOIN (
      SELECT series_id, any(${values}) AS groupLabels FROM series
      WHERE ${seriesWhere(tenant, scope.selector, scope.range)} GROUP BY series_id
    ) AS labelsOfSeries USING series_id`,
  }
}

/** Number from 1 of a row's labels among `tops`, 0 for any other. */
export function placeAmong(tops: readonly (readonly string[])[], { labels }: Grouping): Sql {
  if (tops.length === 0) return sql`0`
  if (tops.every((top) => top.length === 0)) return sql`1`
  const lists = joinSql(
    tops.map((top) => sql`${top}`),
    ', ',
  )
  return sql`indexOf([${lists}], ${labels})`
}

export function nameLabels(
  by: readonly string[],
  values: readonly string[],
): Record<string, string> {
  return Object.fromEntries(by.map((name, i) => [name, values[i] ?? '']))
}
