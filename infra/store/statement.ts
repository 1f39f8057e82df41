import { randomUUID } from 'node:crypto'
import { FlamewatchError } from '../runtime/errors.ts'
import { type Sql, sqlText } from './sql.ts'
import type { NativeColumn, QueryLimits } from './store.ts'

// The text that goes to the engine, the same in both worlds: settings stand inside the statement,
// because the embedded engine keeps a setting given any other way for the statements after it.

/** Formats a read may end with. */
type Format = 'RowBinary' | 'JSONEachRow'

// JSON: rows as one array; 64-bit integers as strings, since JSON.parse would round them.
const FORMAT_SETTINGS: Readonly<Record<Format, readonly string[]>> = {
  RowBinary: [],
  JSONEachRow: [
    'output_format_json_array_of_rows = 1',
    'output_format_json_quote_64bit_integers = 1',
  ],
}

/** What a read may take when its caller does not say. */
export const READ_TIMEOUT_MS = 60_000

// One result is one buffer here: it must have an end.
const MAX_RESULT_BYTES = 1 << 30

/**
 * Bytes of a statement's text: lists of ids stand in it, and the engine's 256 kB end at 12,000. The
 * one setting that must be there before the statement, since the parser asks for it.
 */
export const MAX_QUERY_SIZE = 32 << 20

/** A read with its limits. The line break ends a comment the statement may end with. */
export function readStatement(
  statement: Sql,
  format: Format,
  limits: QueryLimits,
  more: readonly string[] = [],
): string {
  const settings = [
    ...limitSettings({ timeoutMs: READ_TIMEOUT_MS, ...limits }),
    `max_result_bytes = ${MAX_RESULT_BYTES}`,
    ...FORMAT_SETTINGS[format],
    ...more,
  ]
  return `${sqlText(statement)}\nFORMAT ${format}${settingsClause(settings)}`
}

/** DDL, or INSERT … SELECT, the only one that takes limits. */
export function runStatement(statement: Sql, limits: QueryLimits): string {
  return `${sqlText(statement)}\n${settingsClause(limitSettings(limits))}`
}

/**
 * The head of an insert, up to where its data is named. With a token a block is stored once, in the
 * table and in every view behind it. Without one it gets a token of its own, so that it is stored
 * whatever was stored before: the engine would else take an equal block for the same one, and the
 * settings to turn that off differ from release to release.
 */
export function insertHead(
  table: string,
  columns: readonly NativeColumn[],
  token: string | null,
  more: readonly string[],
): string {
  const names = columns.map((column) => identifier(column.name)).join(', ')
  const settings = [
    'insert_deduplicate = 1',
    'deduplicate_blocks_in_dependent_materialized_views = 1',
    `insert_deduplication_token = '${checkedToken(token ?? randomUUID())}'`,
    ...more,
  ]
  return `INSERT INTO ${identifier(table)} (${names})${settingsClause(settings)}`
}

/** Names of tables and columns are the program's own; the check keeps them so. */
export function identifier(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(name))
    throw new FlamewatchError('internal', `Expected a name for SQL, got ${JSON.stringify(name)}.`)
  return name
}

/**
 * A comment to find the statement by in system.processes. `id` is [a-z0-9-]: it stands in a string
 * literal of `killStatement`.
 */
export function mark(id: string): string {
  return `/* flamewatch:${id} */ `
}

// Never SYNC: in the embedded engine it hung the process for minutes.
export function killStatement(id: string): string {
  return `KILL QUERY WHERE startsWith(query, '${mark(id)}') ASYNC`
}

function limitSettings({ timeoutMs, memoryBytes, rows }: QueryLimits): string[] {
  const settings: string[] = []
  if (timeoutMs !== undefined) settings.push(`max_execution_time = ${timeoutMs / 1000}`)
  if (memoryBytes !== undefined) settings.push(`max_memory_usage = ${Math.floor(memoryBytes)}`)
  if (rows !== undefined)
    settings.push(`max_result_rows = ${rows}`, `result_overflow_mode = 'throw'`)
  return settings
}

function settingsClause(settings: readonly string[]): string {
  return settings.length === 0 ? '' : ` SETTINGS ${settings.join(', ')}`
}

// A token comes from a collector's headers: nothing that could end the literal may be in it.
function checkedToken(token: string): string {
  if (!/^[A-Za-z0-9._/-]{1,500}$/.test(token))
    throw new FlamewatchError(
      'internal',
      `Expected a token of [A-Za-z0-9._/-], got ${JSON.stringify(token.slice(0, 100))}.`,
    )
  return token
}
