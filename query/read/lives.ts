import { sql } from '../../infra/store/sql.ts'
import { DAY_MS } from '../time.ts'
import type { Reader } from './reader.ts'

export type Life = {
  readonly service: string
  readonly version: string
  readonly firstMs: number
  readonly lastMs: number
}

// `series` knows the days, and only the first and last days of versions are read for the minutes, by
// series, which is five times as fast as by names. Where they have expired the day has to do.
export async function readLives(reader: Reader, service?: string): Promise<Life[]> {
  const known = sql`tenant = ${reader.tenant}${service === undefined ? sql`` : sql` AND service = ${service}`}`
  // Named by its table where the statement has an alias of that name.
  const ofSeries = sql`tenant = ${reader.tenant}${service === undefined ? sql`` : sql` AND series.service = ${service}`}`
  const rows = await reader.rows<Record<string, string | number>>(sql`
    SELECT service, version, toUnixTimestamp(toDateTime(min(firstDay), 'UTC')) AS firstDay,
      toUnixTimestamp(toDateTime(max(lastDay), 'UTC')) AS lastDay,
      toUnixTimestamp(minIf(first, last > 0)) AS firstS, max(last) AS lastMs
    FROM (
      SELECT series_id, any(service) AS service, any(version) AS version, min(day) AS firstDay,
        max(day) AS lastDay
      FROM series WHERE ${ofSeries} GROUP BY series_id
    ) AS known LEFT JOIN (
      SELECT series_id, min(time) AS first,
        max(toUnixTimestamp(time) * 1000 + duration_ms) AS last
      FROM profiles WHERE ${known} AND toDate(time) IN (
        SELECT arrayJoin([min(day), max(day)]) FROM series
        WHERE ${known} GROUP BY service, version
      ) GROUP BY series_id
    ) AS p USING series_id
    GROUP BY service, version`)
  return rows.map((row) => {
    const firstDayMs = Number(row['firstDay']) * 1000
    const firstMs = Number(row['firstS']) * 1000
    const lastDayMs = Number(row['lastDay']) * 1000
    const lastMs = Number(row['lastMs'])
    return {
      service: String(row['service']),
      version: String(row['version']),
      firstMs: firstMs - firstDayMs < DAY_MS && firstMs > 0 ? firstMs : firstDayMs,
      lastMs: lastMs >= lastDayMs ? lastMs : lastDayMs + DAY_MS,
    }
  })
}
