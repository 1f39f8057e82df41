import { sql } from '../../infra/store/sql.ts'
import type { Service, Version } from '../api.ts'
import type { TimeRange } from '../time.ts'
import { formatTime } from '../time.ts'
import type { CpuUse } from './coverage.ts'
import { CPU_USE, coverageOf, meanCores, readCpuUse, WINDOWS } from './coverage.ts'
import type { Life } from './lives.ts'
import { readLives } from './lives.ts'
import type { Reader } from './reader.ts'
import { profilesWhere, seriesWhere } from './scope.ts'
import { readSparklines } from './sparklines.ts'

// Services with their versions. What they used comes from the range asked for; when a version was
// first and last seen from everything that is stored.

const MAX_VERSIONS = 50

export type Overview = {
  /** What `cores` are a mean over; null where there are no CPU profiles. */
  readonly covered: TimeRange | null
  readonly stepMs: number
  readonly services: Service[]
}

export async function readOverview(reader: Reader, range: TimeRange): Promise<Overview> {
  const [{ uses, covered, sparklines }, lives] = await Promise.all([
    readUses(reader, range).then(async (uses) => {
      const cpu = uses.filter(({ kind }) => kind === 'service').map((use) => use.cpu)
      const covered = coverageOf(range, cpu)
      return { uses, covered, sparklines: await readSparklines(reader, range, covered, cpu) }
    }),
    readLives(reader),
  ])
  const usesOf = Map.groupBy(uses, ({ service }) => service)
  const livesOf = Map.groupBy(lives, ({ service }) => service)
  const services = [...usesOf].map(([service, own]): Service => {
    const whole = own.find(({ kind }) => kind === 'service') as Use
    const ownLives = livesOf.get(service) ?? []
    const firstMs = ownLives.reduce((least, life) => Math.min(least, life.firstMs), whole.firstMs)
    return {
      service,
      cores: meanCores(whole.cpu, covered),
      hosts: whole.hosts,
      firstSeen: formatTime(firstMs),
      lastSeen: formatTime(whole.lastMs),
      versions: describeVersions(
        ownLives,
        own.filter(({ kind }) => kind === 'version'),
      ),
      sparkline: sparklines.of(service),
      types: own.filter(({ kind }) => kind === 'type').map(({ type }) => type),
      demo: whole.demo,
    }
  })
  services.sort((a, b) => b.cores - a.cores || (a.service < b.service ? -1 : 1))
  return { covered, stepMs: sparklines.stepMs, services }
}

type Use = {
  readonly kind: 'service' | 'version' | 'type'
  readonly service: string
  readonly version: string
  readonly type: string
  readonly cpu: CpuUse
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
      ${CPU_USE}, uniqExact(onHost) AS hosts, toUnixTimestamp(min(first)) AS firstS,
      max(last) AS lastMs, max(isDemo) AS demo
    FROM (
      SELECT type, series_id, ${WINDOWS}
      FROM profiles WHERE ${profilesWhere(reader.tenant, everything)} GROUP BY type, series_id
    ) AS p INNER JOIN (
      SELECT series_id, any(service) AS service, any(version) AS version, any(host) AS onHost,
        max(labels['demo'] = 'true') AS isDemo
      FROM series WHERE ${seriesWhere(reader.tenant, [], range)} GROUP BY series_id
    ) AS h USING series_id
    GROUP BY GROUPING SETS ((service), (service, version), (service, type))
    ORDER BY service, version, type`)
  return rows.map((row) => ({
    kind: row['kind'] as Use['kind'],
    service: String(row['service']),
    version: String(row['version']),
    type: String(row['type']),
    cpu: readCpuUse(row),
    hosts: Number(row['hosts']),
    firstMs: Number(row['firstS']) * 1000,
    lastMs: Number(row['lastMs']),
    demo: Number(row['demo']) === 1,
  }))
}

function describeVersions(lives: readonly Life[], uses: readonly Use[]): Version[] {
  const newest = lives.toSorted((a, b) => b.firstMs - a.firstMs || (a.version < b.version ? 1 : -1))
  return newest.slice(0, MAX_VERSIONS).map(({ version, firstMs, lastMs }) => {
    const use = uses.find((other) => other.version === version)
    return {
      version,
      firstSeen: formatTime(firstMs),
      lastSeen: formatTime(lastMs),
      hosts: use?.hosts ?? 0,
      cores: use && use.cpu.lastMs > 0 ? meanCores(use.cpu, whileItRan(use.cpu)) : 0,
    }
  })
}

function whileItRan({ firstMs, lastMs }: CpuUse): TimeRange {
  return { fromMs: firstMs, toMs: lastMs }
}
