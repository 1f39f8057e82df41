import { parseProfileType } from '../../infra/contract/profile.ts'
import { sql } from '../../infra/store/sql.ts'
import type { Reader } from './reader.ts'
import type { Scope } from './scope.ts'
import { profilesWhere, seriesWhere } from './scope.ts'

/** What stands behind the total of one side. */
export type SideFacts = {
  /** One per series and window. */
  readonly profiles: number
  readonly hosts: number
  /** Sum over hosts of the time profiled: windows of several series at once count once. */
  readonly hostSeconds: number
  /** Of the profiles that are left, as a double. */
  readonly total: number
  /** Samples per unit of value, null where the type has no period. */
  readonly samplesPerValue: number | null
}

/**
 * From `profiles`: beyond their retention a side may have values without them. Series first, so that
 * hosts are looked up per series and not per profile. The windows of a host are counted as a bitmap
 * of their starts: a row per window took four times as long over a day of 200 hosts.
 */
export async function readSideFacts(reader: Reader, scope: Scope): Promise<SideFacts> {
  const [row] = await reader.rows<Record<keyof Row, number | string>>(sql`
    SELECT sum(c) AS profiles, uniqExact(onHost) AS hosts,
      sum(windows * duration_ms) / 1000 AS hostSeconds, sum(t) AS total, sum(k) AS samples
    FROM (
      SELECT onHost, duration_ms, sum(c) AS c, groupBitmapMerge(starts) AS windows, sum(t) AS t,
        sum(k) AS k
      FROM (
        SELECT series_id, duration_ms, count() AS c,
          groupBitmapState(toUInt32(toUnixTimestamp(time))) AS starts, sum(toFloat64(total)) AS t,
          sum(if(period > 0, total / period, 0)) AS k
        FROM profiles WHERE ${profilesWhere(reader.tenant, scope)} GROUP BY series_id, duration_ms
      ) AS p INNER JOIN (
        SELECT series_id, any(host) AS onHost FROM series
        WHERE ${seriesWhere(reader.tenant, scope.selector, scope.range)} GROUP BY series_id
      ) AS h USING series_id
      GROUP BY onHost, duration_ms
    )`)
  const total = Number(row?.total ?? 0)
  const samples = Number(row?.samples ?? 0)
  const hasPeriod = parseProfileType(scope.type)?.periodType !== ''
  return {
    profiles: Number(row?.profiles ?? 0),
    hosts: Number(row?.hosts ?? 0),
    hostSeconds: Number(row?.hostSeconds ?? 0),
    total,
    samplesPerValue: hasPeriod && total > 0 && samples > 0 ? samples / total : null,
  }
}

/** Hosts of the days of the range: what is known of them where profiles have expired. */
export async function countHosts(reader: Reader, scope: Scope): Promise<number> {
  const [row] = await reader.rows<{ hosts: string }>(sql`SELECT uniqExact(host) AS hosts FROM series
    WHERE ${seriesWhere(reader.tenant, scope.selector, scope.range)}`)
  return Number(row?.hosts ?? 0)
}

type Row = {
  profiles: number
  hosts: number
  hostSeconds: number
  total: number
  samples: number
}
