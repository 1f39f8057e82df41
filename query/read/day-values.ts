import { joinSql, sql } from '../../infra/store/sql.ts'
import type { Metric } from './host-sums.ts'
import { planParts } from './plan.ts'
import type { Reader } from './reader.ts'
import type { Scope } from './scope.ts'
import { STACKS_SETTINGS } from './scope.ts'
import { selectPart } from './stack-values.ts'

export type DayValues = {
  /** Value of the service in each window. */
  readonly totals: readonly number[]
  readonly functions: readonly ({
    readonly function: bigint
  } & Readonly<Record<Metric, readonly number[]>>)[]
}

/**
 * What functions cost in each of several windows, such as the same hours of several days; those whose
 * `cum` over all windows is at least `leastValue`.
 */
export async function readWindows(
  reader: Reader,
  service: string,
  windows: readonly Scope[],
  leastValue: number,
): Promise<DayValues> {
  const parts = windows.flatMap((scope, window) =>
    planParts(scope).map(
      (part) => sql`SELECT ${window} AS w, s, v FROM (${selectPart(reader.tenant, scope, part)})`,
    ),
  )
  const union = parts.reduce((all, part) => joinSql([all, sql`UNION ALL`, part], ' '))
  const sums = sql`SELECT toUInt64(w) AS w, s, toFloat64(sum(v)) AS v FROM (${union}) GROUP BY w, s`
  const [totals, rows] = await Promise.all([
    reader.rows<{ w: string; v: number }>(sql`SELECT w, sum(v) AS v FROM (${sums}) GROUP BY w`),
    reader.binary(sql`
      SELECT fn, w, sum(v), sumIf(v, fn = leaf) FROM (${sums}) AS sums
      INNER JOIN (
        SELECT stack_id AS s, any(arrayDistinct(frames)) AS fns, any(frames[-1]) AS leaf
        FROM stacks WHERE tenant = ${reader.tenant} AND service = ${service} GROUP BY stack_id
      ) AS k USING s
      ARRAY JOIN fns AS fn GROUP BY fn, w SETTINGS ${STACKS_SETTINGS}`),
  ])
  const whole = windows.map(() => 0)
  for (const { w, v } of totals) whole[Number(w)] = Number(v)
  return { totals: whole, functions: decode(rows, windows.length, leastValue) }
}

const ROW_BYTES = 32

function decode(rows: Buffer, windows: number, leastValue: number): DayValues['functions'] {
  const functions = new Map<bigint, { flat: number[]; cum: number[] }>()
  for (let at = 0; at < rows.length; at += ROW_BYTES) {
    const fn = rows.readBigUInt64LE(at)
    const window = Number(rows.readBigUInt64LE(at + 8))
    const values = functions.get(fn) ?? {
      flat: new Array<number>(windows).fill(0),
      cum: new Array<number>(windows).fill(0),
    }
    functions.set(fn, values)
    values.cum[window] = rows.readDoubleLE(at + 16)
    values.flat[window] = rows.readDoubleLE(at + 24)
  }
  return Array.from(functions, ([fn, values]) => ({ function: fn, ...values })).filter(
    ({ cum }) => cum.reduce((sum, value) => sum + value, 0) >= leastValue,
  )
}
