import { sql } from '../../infra/store/sql.ts'
import type { HostsAnswer } from '../api.ts'
import type { TimeRange } from '../time.ts'
import { formatTime } from '../time.ts'
import type { CpuUse } from './coverage.ts'
import { CPU_USE, coverageOf, meanCores, readCpuUse, WINDOWS } from './coverage.ts'
import type { Reader } from './reader.ts'
import { profilesWhere, seriesWhere } from './scope.ts'

/** Hosts seen in the range, the busiest first. */
export async function readHosts(reader: Reader, range: TimeRange): Promise<HostsAnswer['hosts']> {
  const everything = { selector: [], range, type: null }
  const rows = await reader.rows<Record<string, string | number>>(sql`
    SELECT onHost, ${CPU_USE}, uniqExact(service) AS services,
      toUnixTimestamp(min(first)) AS firstS, max(last) AS lastMs
    FROM (
      SELECT type, series_id, ${WINDOWS}
      FROM profiles WHERE ${profilesWhere(reader.tenant, everything)}
      GROUP BY type, series_id
    ) AS p INNER JOIN (
      SELECT series_id, any(service) AS service, any(host) AS onHost FROM series
      WHERE ${seriesWhere(reader.tenant, [], range)} GROUP BY series_id
    ) AS h USING series_id
    GROUP BY onHost ORDER BY cpuNs DESC, onHost`)
  const uses = rows.map(readCpuUse)
  const covered = coverageOf(range, uses)
  return rows.map((row, i) => ({
    host: String(row['onHost']),
    cores: meanCores(uses[i] as CpuUse, covered),
    services: Number(row['services']),
    firstSeen: formatTime(Number(row['firstS']) * 1000),
    lastSeen: formatTime(Number(row['lastMs'])),
  }))
}
