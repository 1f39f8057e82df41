import { sql } from '../../infra/store/sql.ts'
import type { Selector } from '../selector.ts'
import { checkLabelName } from '../selector.ts'
import { labelOfSeries } from '../selector-sql.ts'
import type { TimeRange } from '../time.ts'
import { checkPatterns } from './patterns.ts'
import type { Reader } from './reader.ts'
import { profilesWhere, seriesWhere } from './scope.ts'

// What there is to ask for. Labels are kept by day, so a range answers with all of its days.

const MAX_VALUES = 10_000

export async function readTypes(
  reader: Reader,
  selector: Selector,
  range: TimeRange,
): Promise<string[]> {
  await checkPatterns(reader, selector)
  const rows = await reader.rows<{ type: string }>(sql`SELECT DISTINCT type FROM profiles
    WHERE ${profilesWhere(reader.tenant, { selector, range, type: null })} ORDER BY type`)
  return rows.map(({ type }) => type)
}

export async function readLabels(
  reader: Reader,
  selector: Selector,
  range: TimeRange,
): Promise<string[]> {
  await checkPatterns(reader, selector)
  const rows = await reader.rows<{ label: string }>(sql`
    SELECT DISTINCT arrayJoin(arrayConcat(['service', 'version', 'host'], mapKeys(labels))) AS label
    FROM series WHERE ${seriesWhere(reader.tenant, selector, range)} ORDER BY label`)
  return rows.map(({ label }) => label)
}

export async function readLabelValues(
  reader: Reader,
  options: { readonly name: string; readonly selector: Selector; readonly range: TimeRange },
): Promise<string[]> {
  const { name, selector, range } = options
  checkLabelName(name)
  await checkPatterns(reader, selector)
  const rows = await reader.rows<{ value: string }>(sql`
    SELECT DISTINCT ${labelOfSeries(name)} AS value FROM series
    WHERE ${seriesWhere(reader.tenant, selector, range)} AND value != ''
    ORDER BY value LIMIT ${MAX_VALUES}`)
  return rows.map(({ value }) => value)
}
