import { sql } from '../../infra/store/sql.ts'
import type { HourValues } from '../judge/compare-hours.ts'
import type { Comparison } from './arms.ts'
import { among, clustersOf, unionOfArms, valuesByCluster } from './arms.ts'
import type { Cluster, Metric } from './host-sums.ts'
import type { Reader } from './reader.ts'
import { STACKS_SETTINGS } from './scope.ts'

// What hosts spent stratum by stratum, such as hour by hour: a row per function, host and stratum.

export type Stratified = {
  /** By stratum, the clusters' denominators in the order of one numbering. */
  readonly denominators: readonly HourValues[]
  readonly functions: readonly ({ readonly function: bigint; readonly clusters: number } & Readonly<
    Record<Metric, readonly HourValues[]>
  >)[]
}

/** The arms stratum by stratum, the first beginning with the candidate's range. */
export async function readStrata(
  reader: Reader,
  comparison: Comparison,
  options: {
    readonly clusters: readonly Cluster[]
    readonly stratumMs: number
    readonly leastValue: number
  },
): Promise<Stratified> {
  const { clusters, stratumMs, leastValue } = options
  const { fromMs, toMs } = comparison.candidate.scope.range
  const count = Math.ceil((toMs - fromMs) / stratumMs)
  const stratum = sql`intDiv(toUnixTimestamp(time) * 1000 - ${fromMs}, ${stratumMs})`
  const names = clusters.map(({ name }) => name)
  const [wholes, rows] = await Promise.all([
    reader.rows<Record<'stratum' | 'place' | 'b' | 'c', string | number>>(sql`
      SELECT stratum, indexOf(${names}, cluster) AS place, toFloat64(sum(b)) AS b,
        toFloat64(sum(c)) AS c
      FROM (${unionOfArms(
        reader,
        comparison,
        sql`series_id, toUInt64(${stratum}) AS stratum`,
        (b, c) => sql`${b ? sql`total` : sql`0`} AS b, ${c ? sql`total` : sql`0`} AS c`,
        sql``,
      )}) AS p
      INNER JOIN ${clustersOf(reader, comparison)} USING series_id
      WHERE ${among(comparison)} GROUP BY stratum, place`),
    reader.binary(sql`
      SELECT fn, stratum, toUInt64(indexOf(${names}, cluster)), flatB, flatC, cumB, cumC
      FROM (${valuesByCluster(reader, comparison, stratum)}) SETTINGS ${STACKS_SETTINGS}`),
  ])
  const zeros = () =>
    Array.from({ length: count }, () => ({
      baseline: new Float64Array(clusters.length),
      candidate: new Float64Array(clusters.length),
    }))
  const denominators = zeros()
  for (const { stratum, place, b, c } of wholes) {
    const values = denominators[Number(stratum)]
    if (values === undefined) continue
    values.baseline[Number(place) - 1] = Number(b)
    values.candidate[Number(place) - 1] = Number(c)
  }
  return { denominators, functions: decodeStrata(rows, zeros, leastValue) }
}

const STRATUM_ROW_BYTES = 56

function decodeStrata(
  rows: Buffer,
  zeros: () => HourValues[],
  leastValue: number,
): Stratified['functions'] {
  // A function over all strata first: most are dropped, and only the rest gets arrays.
  const wholes = new Map<bigint, { value: number; places: Set<bigint> }>()
  for (let at = 0; at < rows.length; at += STRATUM_ROW_BYTES) {
    const fn = rows.readBigUInt64LE(at)
    const whole = wholes.get(fn) ?? { value: 0, places: new Set() }
    wholes.set(fn, whole)
    whole.value += rows.readDoubleLE(at + 40) + rows.readDoubleLE(at + 48)
    whole.places.add(rows.readBigUInt64LE(at + 16))
  }
  const functions = new Map<bigint, { flat: HourValues[]; cum: HourValues[] }>()
  for (let at = 0; at < rows.length; at += STRATUM_ROW_BYTES) {
    const fn = rows.readBigUInt64LE(at)
    if ((wholes.get(fn)?.value ?? 0) < leastValue) continue
    const values = functions.get(fn) ?? { flat: zeros(), cum: zeros() }
    functions.set(fn, values)
    const stratum = Number(rows.readBigUInt64LE(at + 8))
    const place = Number(rows.readBigUInt64LE(at + 16)) - 1
    const [flat, cum] = [values.flat[stratum], values.cum[stratum]]
    if (flat === undefined || cum === undefined) continue
    flat.baseline[place] = rows.readDoubleLE(at + 24)
    flat.candidate[place] = rows.readDoubleLE(at + 32)
    cum.baseline[place] = rows.readDoubleLE(at + 40)
    cum.candidate[place] = rows.readDoubleLE(at + 48)
  }
  return Array.from(functions, ([fn, values]) => ({
    function: fn,
    clusters: wholes.get(fn)?.places.size ?? 0,
    ...values,
  }))
}
