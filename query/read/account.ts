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
  readonly taken: number
  readonly idle: number
  readonly kept: number
  readonly dropped: Readonly<Record<string, number>>
  readonly faults: Readonly<Record<string, number>>
}

/** One entry per collector with a window that began in the range. */
export async function readLedger(reader: Reader, range: TimeRange): Promise<CollectorLedger[]> {
  const rows = await reader.rows<Row>(sql`
    SELECT collector, argMax(lastHost, lastMs) AS host, argMax(lastNotes, lastMs) AS notes,
      max(lastMs) AS last, sum(count) AS batches, sum(gaps) AS missing, sum(taken) AS taken,
      sum(idle) AS idle, sum(kept) AS kept, sumMap(dropped) AS dropped, sumMap(faults) AS faults
    FROM (
      SELECT collector, epoch, argMax(host, sequence) AS lastHost,
        argMax(notes, sequence) AS lastNotes,
        max(toUnixTimestamp64Milli(window_end)) AS lastMs, count() AS count,
        max(sequence) - min(sequence) + 1 - count() AS gaps, sum(b.taken) AS taken,
        sum(b.idle) AS idle, sum(b.kept) AS kept, sumMap(b.dropped) AS dropped,
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
    taken: Number(row.taken),
    idle: Number(row.idle),
    kept: Number(row.kept),
    dropped: readCounts(row.dropped),
    faults: readCounts(row.faults),
  }))
}

type Row = Record<
  'collector' | 'host' | 'last' | 'batches' | 'missing' | 'taken' | 'idle' | 'kept',
  string
> & {
  notes: string[]
  dropped: Record<string, string>
  faults: Record<string, string>
}

function readCounts(counts: Readonly<Record<string, string>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([reason, n]) => [reason, Number(n)]))
}
