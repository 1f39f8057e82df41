import type { BatchHeaders } from '../infra/contract/batch.ts'
import type { ProfileType } from '../infra/contract/profile.ts'
import {
  arrays,
  counts,
  dateTime64s,
  maps,
  type NativeValues,
  nativeBlock,
  strings,
  uint32s,
} from '../infra/store/native.ts'
import { joinSql, sql } from '../infra/store/sql.ts'
import type { NativeBlock, Store } from '../infra/store/store.ts'

/** A batch as the ledger keeps it. */
export type LedgerEntry = {
  readonly tenant: string
  readonly headers: BatchHeaders
  readonly type: ProfileType
  readonly profiles: number
  readonly samples: number
  /** As sent. */
  readonly bytes: number
}

/** What the ledger knows a batch by. */
export type BatchKey = Pick<LedgerEntry, 'tenant' | 'headers'>

// Collectors remembered: an id and a number each. One forgotten costs one more question.
const MAX_COLLECTORS = 100_000

/**
 * Which batches are stored: table `batches`. Deduplication tokens span some thousand inserts only;
 * the ledger also knows a batch that a spool sends again after days.
 */
export class Ledger {
  readonly #store: Store
  /** Highest stored sequence by collector and epoch, in order of last use. */
  readonly #highest = new Map<string, number>()

  constructor(store: Store) {
    this.#store = store
  }

  /** The caller holds the collector's lock. */
  async has(tenant: string, headers: BatchHeaders): Promise<boolean> {
    const key = spoolKey(tenant, headers)
    let highest = this.#highest.get(key)
    if (highest === undefined) {
      highest = await this.#queryHighest(tenant, headers)
      this.#remember(key, highest)
    }
    // Numbers mostly ascend: only one that does not is worth a question.
    if (headers.sequence > highest) return false
    return this.#querySequence(tenant, headers)
  }

  /**
   * For each of `batches` whether it is stored. Asks the table and nothing else: what other processes
   * stored a moment ago counts. One statement, whose tuples are looked up by the primary key.
   */
  async stored(batches: readonly BatchKey[]): Promise<boolean[]> {
    if (batches.length === 0) return []
    const tenants = [...new Set(batches.map(({ tenant }) => tenant))]
    const tuples = batches.map(
      ({ headers: { collector, epoch, sequence } }) => sql`(${collector}, ${epoch}, ${sequence})`,
    )
    type Row = { tenant: string; collector: string; epoch: string; sequence: string }
    const rows = await this.#store.rows<Row>(sql`
      SELECT tenant, collector, epoch, sequence FROM batches
      WHERE tenant IN ${tenants} AND (collector, epoch, sequence) IN (${joinSql(tuples, ', ')})`)
    const known = new Set(
      rows.map((row) => [row.tenant, row.collector, row.epoch, row.sequence].join('\0')),
    )
    return batches.map(({ tenant, headers: { collector, epoch, sequence } }) =>
      known.has([tenant, collector, epoch, sequence].join('\0')),
    )
  }

  /** Records batches whose rows are stored. */
  async add(entries: readonly LedgerEntry[]): Promise<void> {
    const highest = new Map<string, number>()
    for (const { tenant, headers } of entries) {
      const key = spoolKey(tenant, headers)
      const before = highest.get(key) ?? this.#highest.get(key)
      if (before !== undefined) highest.set(key, Math.max(before, headers.sequence))
      // Should the answer get lost, the table is asked again.
      this.#highest.delete(key)
    }
    await this.#store.insert('batches', batchesBlock(entries), null)
    for (const [key, sequence] of highest) this.#remember(key, sequence)
  }

  async #queryHighest(tenant: string, { collector, epoch }: BatchHeaders): Promise<number> {
    const rows = await this.#store.rows<{ highest: string }>(sql`
      SELECT max(sequence) AS highest FROM batches
      WHERE tenant = ${tenant} AND collector = ${collector} AND epoch = ${epoch}`)
    return Number(rows[0]?.highest ?? 0)
  }

  async #querySequence(tenant: string, headers: BatchHeaders): Promise<boolean> {
    const { collector, epoch, sequence } = headers
    const rows = await this.#store.rows<{ sequence: string }>(sql`
      SELECT sequence FROM batches WHERE tenant = ${tenant} AND collector = ${collector}
        AND epoch = ${epoch} AND sequence = ${sequence} LIMIT 1`)
    return rows.length > 0
  }

  #remember(key: string, highest: number): void {
    this.#highest.delete(key)
    this.#highest.set(key, highest)
    if (this.#highest.size <= MAX_COLLECTORS) return
    const [oldest] = this.#highest.keys()
    if (oldest !== undefined) this.#highest.delete(oldest)
  }
}

function spoolKey(tenant: string, { collector, epoch }: BatchHeaders): string {
  return `${tenant}\0${collector}\0${epoch}`
}

function batchesBlock(entries: readonly LedgerEntry[]): NativeBlock {
  const headers = entries.map((entry) => entry.headers)
  const accounts = headers.map(({ account }) => account)
  return nativeBlock({
    tenant: strings(entries.map(({ tenant }) => tenant)),
    collector: strings(headers.map(({ collector }) => collector)),
    epoch: counts(headers.map(({ epoch }) => epoch)),
    sequence: counts(headers.map(({ sequence }) => sequence)),
    host: strings(headers.map(({ host }) => host)),
    type: strings(entries.map(({ type }) => type)),
    window_start: dateTime64s(headers.map(({ windowStart }) => windowStart)),
    window_end: dateTime64s(headers.map(({ windowEnd }) => windowEnd)),
    taken: counts(accounts.map(({ taken }) => taken)),
    idle: counts(accounts.map(({ idle }) => idle)),
    filtered: counts(accounts.map(({ filtered }) => filtered ?? 0)),
    kept: counts(accounts.map(({ kept }) => kept)),
    dropped: countMaps(accounts.map(({ dropped }) => dropped)),
    faults: countMaps(accounts.map(({ faults }) => faults)),
    notes: stringArrays(headers.map(({ notes }) => notes)),
    profiles: uint32s(entries.map(({ profiles }) => profiles)),
    samples: uint32s(entries.map(({ samples }) => samples)),
    bytes: uint32s(entries.map(({ bytes }) => bytes)),
    waiting: uint32s(headers.map(({ waiting }) => waiting ?? 0)),
  })
}

function countMaps(rows: readonly Readonly<Record<string, number>>[]): NativeValues {
  const entries = rows.map((row) => Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))
  const flat = entries.flat()
  return maps(
    endsOf(entries),
    strings(flat.map(([key]) => key)),
    counts(flat.map(([, count]) => count)),
  )
}

function stringArrays(rows: readonly (readonly string[])[]): NativeValues {
  return arrays(endsOf(rows), strings(rows.flat()))
}

function endsOf(rows: readonly (readonly unknown[])[]): number[] {
  let end = 0
  return rows.map((row) => {
    end += row.length
    return end
  })
}
