import type { ProfileType } from '../../infra/contract/profile.ts'
import { sql } from '../../infra/store/sql.ts'
import type { TimeRange } from '../time.ts'
import type { Reader } from './reader.ts'

// What the collectors say about their batches, from the ledger. A batch sent twice may stand there
// twice until the store merges it: FINAL.

export type CollectorLedger = {
  readonly collector: string
  /** As its newest batch says. */
  readonly host: string
  readonly notes: readonly string[]
  /** End of its newest window, unix ms. */
  readonly lastMs: number
  readonly batches: number
  /** Sequence numbers between the first and the last of an epoch that are not there. */
  readonly missing: number
} & AccountSums

export type AccountSums = {
  readonly taken: number
  readonly idle: number
  readonly filtered: number
  readonly kept: number
  readonly dropped: Readonly<Record<string, number>>
  readonly faults: Readonly<Record<string, number>>
}

/** One entry per collector with a window that began in the range. */
export async function readLedger(reader: Reader, range: TimeRange): Promise<CollectorLedger[]> {
  const rows = await reader.rows<Row>(sql`
    SELECT collector, argMax(lastHost, lastMs) AS host, argMax(lastNotes, lastMs) AS notes,
      max(lastMs) AS last, sum(count) AS batches, sum(gaps) AS missing, sum(taken) AS taken,
      sum(idle) AS idle, sum(filtered) AS filtered, sum(kept) AS kept, sumMap(dropped) AS dropped, sumMap(faults) AS faults
    FROM (
      SELECT collector, epoch, argMax(host, sequence) AS lastHost,
        argMax(notes, sequence) AS lastNotes,
        max(toUnixTimestamp64Milli(window_end)) AS lastMs, count() AS count,
        max(sequence) - min(sequence) + 1 - count() AS gaps, sum(b.taken) AS taken,
        sum(b.idle) AS idle, sum(b.filtered) AS filtered, sum(b.kept) AS kept, sumMap(b.dropped) AS dropped,
        sumMap(b.faults) AS faults
      FROM batches AS b FINAL
      WHERE tenant = ${reader.tenant} AND window_start >= ${new Date(range.fromMs)}
        AND window_start < ${new Date(range.toMs)}
      GROUP BY collector, epoch
    ) GROUP BY collector ORDER BY host, collector`)
  return rows.map((row) => ({
    collector: row.collector,
    host: row.host,
    notes: row.notes,
    lastMs: Number(row.last),
    batches: Number(row.batches),
    missing: Number(row.missing),
    ...readSums(row),
  }))
}

/** One entry per profile type of a window that began in the range. */
export async function readTypeAccounts(
  reader: Reader,
  range: TimeRange,
): Promise<({ readonly type: ProfileType } & AccountSums)[]> {
  const rows = await reader.rows<SumsRow & { type: string }>(sql`
    SELECT b.type AS type, sum(b.taken) AS taken, sum(b.idle) AS idle, sum(b.filtered) AS filtered,
      sum(b.kept) AS kept, sumMap(b.dropped) AS dropped, sumMap(b.faults) AS faults
    FROM batches AS b FINAL
    WHERE tenant = ${reader.tenant} AND window_start >= ${new Date(range.fromMs)}
      AND window_start < ${new Date(range.toMs)}
    GROUP BY type ORDER BY taken DESC, type`)
  return rows.map((row) => ({ type: row.type, ...readSums(row) }))
}

type SumsRow = Record<'taken' | 'idle' | 'filtered' | 'kept', string> &
  Record<'dropped' | 'faults', Record<string, string>>

type Row = Record<'collector' | 'host' | 'last' | 'batches' | 'missing', string> & {
  notes: string[]
} & SumsRow

function readSums(row: SumsRow): AccountSums {
  return {
    taken: Number(row.taken),
    idle: Number(row.idle),
    filtered: Number(row.filtered),
    kept: Number(row.kept),
    dropped: readCounts(row.dropped),
    faults: readCounts(row.faults),
  }
}

function readCounts(counts: Readonly<Record<string, string>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([reason, n]) => [reason, Number(n)]))
}
