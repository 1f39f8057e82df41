import type { Sql } from '../../infra/store/sql.ts'
import { joinSql, sql } from '../../infra/store/sql.ts'
import type { Part } from './plan.ts'
import type { Reader } from './reader.ts'
import type { Scope } from './scope.ts'
import { profilesWhere, rollupWhere, STACKS_SETTINGS } from './scope.ts'

/** One row per service and stack, six words: number of the service from 1, stack id, value. */
export type StackValues = { readonly rows: number; readonly words: Uint32Array }

export const ROW_WORDS = 6

/** Sums of every stack over the parts of a plan. `services` are all that the selector may match. */
export async function readStackValues(
  reader: Reader,
  scope: Scope,
  options: { readonly services: readonly string[]; readonly parts: readonly Part[] },
): Promise<StackValues> {
  const { services, parts } = options
  if (services.length === 0) return { rows: 0, words: new Uint32Array(0) }
  const union = unionAll(parts.map((part) => selectPart(reader.tenant, scope, part)))
  const statement =
    services.length === 1
      ? sql`SELECT toUInt64(1), s, sum(v) FROM (${union}) GROUP BY s`
      : sql`SELECT toUInt64(indexOf(${services}, service)), s, sum(v) FROM (${union})
          GROUP BY service, s`
  const fat = parts.some(({ table }) => table === 'profiles')
  const bytes = await reader.binary(fat ? sql`${statement} SETTINGS ${STACKS_SETTINGS}` : statement)
  return readRows(bytes)
}

export function selectPart(tenant: string, scope: Scope, { table, seconds }: Part): Sql {
  if (table === 'stack_10m')
    return sql`SELECT service, stack_id AS s, value AS v FROM stack_10m
      WHERE ${rollupWhere(tenant, scope, seconds)}`
  const range = { fromMs: seconds.from * 1000, toMs: seconds.to * 1000 }
  return sql`SELECT service, s, v FROM profiles ARRAY JOIN stack_ids AS s, vals AS v
    WHERE ${profilesWhere(tenant, { ...scope, range })}`
}

function unionAll(parts: readonly Sql[]): Sql {
  return parts.reduce((all, part) => joinSql([all, sql`UNION ALL`, part], ' '))
}

// All columns are eight bytes wide, so that the whole answer is one typed array.
function readRows(bytes: Buffer): StackValues {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : Buffer.from(new Uint8Array(bytes))
  const words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length >>> 2)
  return { rows: words.length / ROW_WORDS, words }
}
