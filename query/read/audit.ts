import { sql } from '../../infra/store/sql.ts'
import type { TimeRange } from '../time.ts'
import type { Reader } from './reader.ts'
import { profilesWhere, seriesWhere } from './scope.ts'

// What collectors say they sent against what is stored. The ledger has a row per batch: its number,
// and how many profiles and stacks its pprof held. The rows of a batch are found by host and type, and by
// second and length of its window, which no two windows of a host share.

export type NumberedBatches = {
  readonly collector: string
  /** Numbers of the range that the ledger has. */
  readonly stored: number
  /** Numbers between the first and the last of an epoch that it has not. */
  readonly missing: number
  /** Behind the newest one when that was sent. */
  readonly spooled: number
}

/** One entry per collector with a window that began in the range. */
export async function readNumbers(reader: Reader, range: TimeRange): Promise<NumberedBatches[]> {
  const rows = await reader.rows<Record<'collector' | 'stored' | 'gaps' | 'waits', string>>(sql`
    SELECT collector, sum(count) AS stored, sum(gap) AS gaps, argMax(lastWaiting, epoch) AS waits
    FROM (
      SELECT collector, epoch, count() AS count, max(sequence) - min(sequence) + 1 - count AS gap,
        argMax(waiting, sequence) AS lastWaiting
      FROM batches FINAL WHERE ${batchesWhere(reader, range)} GROUP BY collector, epoch
    ) GROUP BY collector`)
  return rows.map((row) => ({
    collector: row.collector,
    stored: Number(row.stored),
    missing: Number(row.gaps),
    spooled: Number(row.waits),
  }))
}

export type StoredRows = {
  readonly sent: number
  /** Not in the store. */
  readonly lacking: number
  /** In the store once more than sent. */
  readonly doubled: number
}

export type CollectorRows = {
  readonly collector: string
  readonly profiles: StoredRows
  /** Stacks with a value, of all profiles. */
  readonly stacks: StoredRows
}

/** The rows of every collector's batches in the range. */
export async function readRows(reader: Reader, range: TimeRange): Promise<CollectorRows[]> {
  const everything = { selector: [], range, type: null }
  const rows = await reader.rows<Record<string, string>>(sql`
    SELECT collector,
      sum(profiles) AS profilesSent, sum(greatest(profiles - rows, 0)) AS profilesLacking,
      sum(greatest(rows - profiles, 0)) AS profilesDoubled,
      sum(stacks) AS stacksSent, sum(greatest(stacks - pairs, 0)) AS stacksLacking,
      sum(greatest(pairs - stacks, 0)) AS stacksDoubled
    FROM (
      SELECT host, b.type AS type, intDiv(toUnixTimestamp64Milli(window_start), 1000) AS at,
        toUnixTimestamp64Milli(window_end) - toUnixTimestamp64Milli(window_start) AS lengthMs,
        min(b.collector) AS collector, toInt64(sum(b.profiles)) AS profiles,
        toInt64(sum(samples)) AS stacks
      FROM batches AS b FINAL WHERE ${batchesWhere(reader, range)} GROUP BY host, type, at, lengthMs
    ) AS w LEFT JOIN (
      SELECT onHost, type, at, lengthMs, toInt64(sum(p.rows)) AS rows, toInt64(sum(p.pairs)) AS pairs
      FROM (
        SELECT series_id, type, toInt64(toUnixTimestamp(time)) AS at, toInt64(duration_ms) AS lengthMs,
          count() AS rows, sum(n) AS pairs
        FROM profiles WHERE ${profilesWhere(reader.tenant, everything)}
        GROUP BY series_id, type, at, lengthMs
      ) AS p INNER JOIN (
        SELECT series_id, any(host) AS onHost FROM series
        WHERE ${seriesWhere(reader.tenant, [], range)} GROUP BY series_id
      ) AS s USING series_id
      GROUP BY onHost, type, at, lengthMs
    ) AS r ON w.host = r.onHost AND w.type = r.type AND w.at = r.at AND w.lengthMs = r.lengthMs
    GROUP BY collector`)
  const read = (row: Record<string, string>, what: 'profiles' | 'stacks'): StoredRows => ({
    sent: Number(row[`${what}Sent`]),
    lacking: Number(row[`${what}Lacking`]),
    doubled: Number(row[`${what}Doubled`]),
  })
  return rows.map((row) => ({
    collector: String(row['collector']),
    profiles: read(row, 'profiles'),
    stacks: read(row, 'stacks'),
  }))
}

export type UnequalSums = {
  readonly service: string
  readonly type: string
  /** Sum of the profiles, in the unit of the type. */
  readonly profiles: string
  /** The same from the sums of ten minutes. */
  readonly sums: string
}

const BUCKET_MS = 600_000

/** Services whose profiles and sums differ over the whole ten minutes of the range. */
export async function readUnequalSums(reader: Reader, range: TimeRange): Promise<UnequalSums[]> {
  const from = Math.ceil(range.fromMs / BUCKET_MS) * BUCKET_MS
  const to = Math.floor(range.toMs / BUCKET_MS) * BUCKET_MS
  if (from >= to) return []
  const whole = { selector: [], range: { fromMs: from, toMs: to }, type: null }
  return reader.rows<UnequalSums>(sql`
    SELECT service, type, sum(ofProfiles) AS profiles, sum(ofSums) AS sums
    FROM (
      SELECT service, type, sum(total) AS ofProfiles, 0 AS ofSums
      FROM profiles WHERE ${profilesWhere(reader.tenant, whole)} GROUP BY service, type
      UNION ALL
      SELECT service, type, 0 AS ofProfiles, sum(value) AS ofSums FROM stack_10m
      WHERE tenant = ${reader.tenant} AND bucket >= toDateTime(${from / 1000}, 'UTC')
        AND bucket < toDateTime(${to / 1000}, 'UTC')
      GROUP BY service, type
    ) GROUP BY service, type HAVING profiles != sums ORDER BY service, type`)
}

function batchesWhere({ tenant }: Reader, { fromMs, toMs }: TimeRange) {
  return sql`tenant = ${tenant} AND window_start >= ${new Date(fromMs)}
    AND window_start < ${new Date(toMs)}`
}
