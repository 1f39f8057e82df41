import type { Sql } from '../../infra/store/sql.ts'
import type { QueryLimits, Store } from '../../infra/store/store.ts'

/** What a question may read: one tenant, within its limits, until its client goes away. */
export type Reader = {
  readonly tenant: string
  /** When the question was asked, unix ms. */
  readonly nowMs: number
  /** Rows as objects; `T` is what the statement selects, 64-bit integers as strings. */
  rows<T>(statement: Sql): Promise<T[]>
  /** RowBinary. */
  binary(statement: Sql): Promise<Buffer>
}

export function createReader(
  store: Store,
  options: {
    readonly tenant: string
    readonly nowMs: number
    readonly limits: QueryLimits
    readonly signal: AbortSignal
  },
): Reader {
  const { tenant, nowMs, limits, signal } = options
  return {
    tenant,
    nowMs,
    rows: (statement) => store.rows(statement, { limits, signal }),
    binary: (statement) => store.binary(statement, { limits, signal }),
  }
}
