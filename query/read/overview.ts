import { CPU_TYPE } from '../../infra/contract/profile.ts'
import { sql } from '../../infra/store/sql.ts'
import type { Service, Version } from '../api.ts'
import type { TimeRange } from '../time.ts'
import { chooseStep, DAY_MS, formatTime } from '../time.ts'
import type { Reader } from './reader.ts'
import { profilesWhere, secondsOf, seriesWhere } from './scope.ts'

// Services with their versions. What they used comes from the range asked for; when a version was
// first and last seen from everything that is stored.

const SPARKLINE_POINTS = 60
const MAX_VERSIONS = 50
const NS_PER_MS = 1e6

export type Overview = { readonly stepMs: number; readonly services: Service[] }

export async function readOverview(reader: Reader, range: TimeRange): Promise<Overview> {
  const stepMs = chooseStep(range, SPARKLINE_POINTS)
  const [uses, sparklines, lives] = await Promise.all([
    readUses(reader, range),
    readSparklines(reader, range, stepMs),
    readLives(reader),
  ])
  const services = uses
    .filter((use) => use.kind === 'service')
    .map((use) => {
      const own = uses.filter((other) => other.service === use.service)
      const versions = describeVersions(
        lives.filter((life) => life.service === use.service),
        own.filter((other) => other.kind === 'version'),
      )
      return {
        service: use.service,
        cores: use.cpuNs / ((range.toMs - range.fromMs) * NS_PER_MS),
        hosts: use.hosts,
        firstSeen: formatTime(least(lives, use.service, use.firstMs)),
        lastSeen: formatTime(use.lastMs),
        versions,
        sparkline: sparklines.get(use.service) ?? emptySparkline(range, stepMs),
        types: own.filter((other) => other.kind === 'type').map(({ type }) => type),
        demo: use.demo,
      }
    })
  services.sort((a, b) => b.cores - a.cores || (a.service < b.service ? -1 : 1))
  return { stepMs, services }
}

type Use = {
  readonly kind: 'service' | 'version' | 'type'
  readonly service: string
  readonly version: string
  readonly type: string
  readonly cpuNs: number
  readonly hosts: number
  readonly firstMs: number
  /** End of the last window. */
  readonly lastMs: number
  readonly demo: boolean
}

async function readUses(reader: Reader, range: TimeRange): Promise<Use[]> {
  const everything = { selector: [], range, type: null }
  const rows = await reader.rows<Record<string, string | number>>(sql`
    SELECT service, version, type,
      multiIf(grouping(version) = 0, 'version', grouping(type) = 0, 'type', 'service') AS kind,
      sumIf(t, type = ${CPU_TYPE}) AS cpuNs, uniqExact(onHost) AS hosts,
      toUnixTimestamp(min(first)) AS firstS, max(last) AS lastMs, max(isDemo) AS demo
    FROM (
      SELECT service, version, type, series_id, sum(toFloat64(total)) AS t, min(time) AS first,
        max(toUnixTimestamp(time) * 1000 + duration_ms) AS last
      FROM profiles WHERE ${profilesWhere(reader.tenant, everything)}
      GROUP BY service, version, type, series_id
    ) AS p INNER JOIN (
      SELECT series_id, any(host) AS onHost, max(labels['demo'] = 'true') AS isDemo FROM series
      WHERE ${seriesWhere(reader.tenant, [], range)} GROUP BY series_id
    ) AS h USING series_id
    GROUP BY GROUPING SETS ((service), (service, version), (service, type))
    ORDER BY service, version, type`)
  return rows.map((row) => ({
    kind: row['kind'] as Use['kind'],
    service: String(row['service']),
    version: String(row['version']),
    type: String(row['type']),
    cpuNs: Number(row['cpuNs']),
    hosts: Number(row['hosts']),
    firstMs: Number(row['firstS']) * 1000,
    lastMs: Number(row['lastMs']),
    demo: Number(row['demo']) === 1,
  }))
}

async function readSparklines(
  reader: Reader,
  range: TimeRange,
  stepMs: number,
): Promise<Map<string, number[]>> {
  const { from } = secondsOf(range)
  const rows = await reader.rows<{ service: string; i: string; ns: number }>(sql`
    SELECT service, intDiv(toUnixTimestamp(time) - ${from}, ${stepMs / 1000}) AS i,
      sum(toFloat64(total)) AS ns
    FROM profiles WHERE ${profilesWhere(reader.tenant, { selector: [], range, type: CPU_TYPE })}
    GROUP BY service, i`)
  const sparklines = new Map<string, number[]>()
  for (const { service, i, ns } of rows) {
    const points = sparklines.get(service) ?? emptySparkline(range, stepMs)
    sparklines.set(service, points)
    points[Number(i)] = ns / (stepMs * NS_PER_MS)
  }
  return sparklines
}

function emptySparkline({ fromMs, toMs }: TimeRange, stepMs: number): number[] {
  return new Array<number>(Math.ceil((toMs - fromMs) / stepMs)).fill(0)
}

type Life = {
  readonly service: string
  readonly version: string
  readonly firstMs: number
  readonly lastMs: number
}

// `series` knows the days, and only the rows of a version's first and last day are read for the
// minutes. Where they have expired the day has to do.
async function readLives(reader: Reader): Promise<Life[]> {
  const days = sql`SELECT service, version, min(day) AS first, max(day) AS last FROM series
    WHERE tenant = ${reader.tenant} GROUP BY service, version`
  const rows = await reader.rows<Record<string, string | number>>(sql`
    SELECT service, version, toUnixTimestamp(toDateTime(first, 'UTC')) AS firstDay,
      toUnixTimestamp(toDateTime(last, 'UTC')) AS lastDay, firstS, lastMs
    FROM (${days}) AS d LEFT JOIN (
      SELECT service, version, toUnixTimestamp(min(time)) AS firstS,
        max(toUnixTimestamp(time) * 1000 + duration_ms) AS lastMs
      FROM profiles
      WHERE tenant = ${reader.tenant} AND (service, version, toDate(time)) IN (
        SELECT service, version, arrayJoin([first, last]) FROM (${days})
      ) GROUP BY service, version
    ) AS p USING (service, version)`)
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

function describeVersions(lives: readonly Life[], uses: readonly Use[]): Version[] {
  const newest = lives.toSorted((a, b) => b.firstMs - a.firstMs || (a.version < b.version ? 1 : -1))
  return newest.slice(0, MAX_VERSIONS).map(({ version, firstMs, lastMs }) => {
    const use = uses.find((other) => other.version === version)
    const ranMs = use ? use.lastMs - use.firstMs : 0
    return {
      version,
      firstSeen: formatTime(firstMs),
      lastSeen: formatTime(lastMs),
      hosts: use?.hosts ?? 0,
      cores: use && ranMs > 0 ? use.cpuNs / (ranMs * NS_PER_MS) : 0,
    }
  })
}

function least(lives: readonly Life[], service: string, inRangeMs: number): number {
  return lives
    .filter((life) => life.service === service)
    .reduce((least, { firstMs }) => Math.min(least, firstMs), inRangeMs)
}
