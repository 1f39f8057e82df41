import type { Sql } from './sql.ts'

/** What a statement may use; exceeding it is the error `query_limit`. */
export type QueryLimits = {
  readonly timeoutMs?: number
  readonly memoryBytes?: number
  readonly rows?: number
}

export type QueryOptions = {
  readonly limits?: QueryLimits
  /** Aborting stops the statement in the engine, not only the wait for it. */
  readonly signal?: AbortSignal
}

/** One column of a Native block; `data` is already encoded as ClickHouse's Native format wants it. */
export type NativeColumn = {
  readonly name: string
  /** For example `UInt64`, `String`, `Array(UInt64)`, `Map(String, String)`, `DateTime`. */
  readonly type: string
  readonly data: Uint8Array
}

export type NativeBlock = {
  readonly rows: number
  readonly columns: readonly NativeColumn[]
}

/**
 * The only way to the tables. Embedded engine and server differ behind this interface and nowhere
 * else. Errors are FlamewatchError with code store_* or query_*; `retriable` says whether to try again.
 */
export interface Store {
  readonly kind: 'embedded' | 'server'
  /** Small answers, as objects. 64-bit integers come as strings. Give no FORMAT clause. */
  rows<T>(statement: Sql, options?: QueryOptions): Promise<T[]>
  /** Large answers, as RowBinary bytes (integers little endian, strings varint length + UTF-8). */
  binary(statement: Sql, options?: QueryOptions): Promise<Buffer>
  /** DDL and the like. */
  run(statement: Sql, options?: QueryOptions): Promise<void>
  /**
   * Inserts one block, atomically per table partition. The same token again, with the same block,
   * changes nothing, in the table and in all its materialized views; a token stands for its rows:
   * others under it are dropped. Resolves when it is stored. After an error the block may be stored
   * in part: the same again, under the same token, completes it. At most 10,000 rows and a million
   * array elements in a block. Tokens match [A-Za-z0-9._/-]+.
   */
  insert(table: string, block: NativeBlock, token: string | null): Promise<void>
  ping(): Promise<void>
  close(): Promise<void>
}
