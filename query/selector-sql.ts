import type { Sql } from '../infra/store/sql.ts'
import { joinSql, sql } from '../infra/store/sql.ts'
import type { Matcher, Selector } from './selector.ts'

// Where each label stands: service and version are columns of every table, host is a column of
// `series`, all others are in its map, where a missing one reads as ''.

const COLUMNS: Readonly<Record<string, Sql>> = {
  service: sql`service`,
  version: sql`version`,
}

const SERIES_COLUMNS: Readonly<Record<string, Sql>> = { ...COLUMNS, host: sql`host` }

/** True where every matcher names a column of all tables: then the rollups can answer. */
export function needsOnlyColumns(selector: Selector): boolean {
  return selector.every(({ name }) => Object.hasOwn(COLUMNS, name))
}

/** The part of the selector that holds on any table; `1` where there is none. */
export function columnCondition(selector: Selector): Sql {
  return all(selector.flatMap((matcher) => condition(matcher, COLUMNS) ?? []))
}

/** The whole selector, on `series`. */
export function seriesCondition(selector: Selector): Sql {
  return all(selector.map((matcher) => conditionOn(labelOfSeries(matcher.name), matcher)))
}

/** A label of a row of `series`. */
export function labelOfSeries(name: string): Sql {
  return Object.hasOwn(SERIES_COLUMNS, name) ? (SERIES_COLUMNS[name] as Sql) : sql`labels[${name}]`
}

/** A regular expression as the store matches it: over the whole value, `.` includes line ends. */
export function anchored(pattern: string): string {
  return `^(?s:${pattern})$`
}

function condition(matcher: Matcher, columns: Readonly<Record<string, Sql>>): Sql | null {
  return Object.hasOwn(columns, matcher.name)
    ? conditionOn(columns[matcher.name] as Sql, matcher)
    : null
}

function conditionOn(column: Sql, { operator, value }: Matcher): Sql {
  switch (operator) {
    case '=':
      return sql`${column} = ${value}`
    case '!=':
      return sql`${column} != ${value}`
    case '=~':
      return sql`match(${column}, ${anchored(value)})`
    case '!~':
      return sql`NOT match(${column}, ${anchored(value)})`
  }
}

function all(conditions: readonly Sql[]): Sql {
  return conditions.length === 0 ? sql`1` : joinSql(conditions, ' AND ')
}
