import type { Sql } from '../../infra/store/sql.ts'
import { joinSql, sql } from '../../infra/store/sql.ts'
import type { HourValues } from '../judge/compare-hours.ts'
import type { FunctionSums, Totals } from '../judge/host-sums.ts'
import { labelOfSeries } from '../selector-sql.ts'
import type { Reader } from './reader.ts'
import type { Scope } from './scope.ts'
import { profilesWhere, STACKS_SETTINGS, seriesWhere } from './scope.ts'

// The sums that a comparison of hosts stands on (query/judge/host-sums.ts), made by the store: two
// rows a function leave it, however many hosts there are.

/** One side of a comparison: the profiles of a scope, on some of its hosts. */
export type Arm = {
  readonly scope: Scope
  /** The clusters that count; all where absent. */
  readonly clusters?: readonly string[]
}

export type Comparison = {
  readonly service: string
  readonly baseline: Arm
  readonly candidate: Arm
  /** The label whose values are the replicates: `host`, or `pod` where hosts are too few. */
  readonly clusterBy: string
}

/** One cluster's denominators: the value of all its stacks in either arm. */
export type Cluster = { readonly name: string; readonly nb: number; readonly nc: number }

export type Clusters = {
  readonly clusters: readonly Cluster[]
  readonly totals: Totals
  /** Samples of both arms; value divided by period. Null where the type has no period. */
  readonly samples: { readonly baseline: number; readonly candidate: number } | null
}

export async function readClusters(reader: Reader, comparison: Comparison): Promise<Clusters> {
  const rows = await reader.rows<Record<'name' | 'nb' | 'nc' | 'kb' | 'kc', string | number>>(sql`
    SELECT cluster AS name, toFloat64(sum(b)) AS nb, toFloat64(sum(c)) AS nc,
      sum(if(period > 0, b / period, 0)) AS kb, sum(if(period > 0, c / period, 0)) AS kc
    FROM (${unionOfArms(
      reader,
      comparison,
      sql`series_id, period`,
      (b, c) => sql`
      ${b ? sql`total` : sql`0`} AS b, ${c ? sql`total` : sql`0`} AS c`,
      sql``,
    )}) AS p
    INNER JOIN ${clustersOf(reader, comparison)} USING series_id
    WHERE ${among(comparison)}
    GROUP BY cluster ORDER BY cluster`)
  const clusters = rows.map(({ name, nb, nc }) => ({
    name: String(name),
    nb: Number(nb),
    nc: Number(nc),
  }))
  const sumOf = (key: 'kb' | 'kc') => rows.reduce((sum, row) => sum + Number(row[key]), 0)
  const [baseline, candidate] = [sumOf('kb'), sumOf('kc')]
  return {
    clusters,
    totals: totalsOf(clusters),
    samples: baseline + candidate > 0 ? { baseline, candidate } : null,
  }
}

function totalsOf(clusters: readonly Cluster[]): Totals {
  const total = { b: 0, c: 0 }
  for (const { nb, nc } of clusters) {
    total.b += nb
    total.c += nc
  }
  const weights = weigh(clusters, total)
  const arm = (n: (cluster: Cluster) => number, whole: number, w: Float64Array) => ({
    total: whole,
    squares: clusters.reduce((sum, one, i) => sum + (w[i] as number) * n(one) ** 2, 0),
    hosts: clusters.filter((one) => n(one) > 0).length,
    effective: whole === 0 ? 0 : 1 / clusters.reduce((sum, one) => sum + (n(one) / whole) ** 2, 0),
  })
  return {
    baseline: arm(({ nb }) => nb, total.b, weights.b),
    candidate: arm(({ nc }) => nc, total.c, weights.c),
    cross: clusters.reduce((sum, { nb, nc }, i) => {
      return sum + Math.sqrt((weights.b[i] as number) * (weights.c[i] as number)) * nb * nc
    }, 0),
    shared: clusters.filter(({ nb, nc }) => nb > 0 && nc > 0).length,
  }
}

// 1 / (1 - n / N); 0 where a cluster has nothing in an arm. An arm of one cluster has none that is
// finite: whoever asks for two effective hosts never meets it.
function weigh(clusters: readonly Cluster[], total: { readonly b: number; readonly c: number }) {
  const of = (n: number, whole: number) => (n <= 0 || n >= whole ? 0 : whole / (whole - n))
  return {
    b: Float64Array.from(clusters, ({ nb }) => of(nb, total.b)),
    c: Float64Array.from(clusters, ({ nc }) => of(nc, total.c)),
  }
}

export const METRICS = ['flat', 'cum'] as const
export type Metric = (typeof METRICS)[number]

export type FunctionRow = {
  readonly function: bigint
  /** Clusters that have it in either arm. */
  readonly clusters: number
  readonly flat: FunctionSums
  readonly cum: FunctionSums
}

const SUMS = ['xb', 'xc', 'bb', 'bn', 'cc', 'cn', 'bc', 'xbnc', 'xcnb'] as const

/** Of every function whose `cum` over both arms is at least `leastValue`. */
export async function readFunctionSums(
  reader: Reader,
  comparison: Comparison,
  clusters: readonly Cluster[],
  leastValue: number,
): Promise<FunctionRow[]> {
  if (clusters.length === 0) return []
  const sums = METRICS.flatMap((metric) => sumColumns(metric))
  const bytes = await reader.binary(sql`
    SELECT fn, toFloat64(count()) AS clusters, ${joinSql(sums, ', ')}
    FROM (${valuesByCluster(reader, comparison)}) AS x
    INNER JOIN (${weightTable(clusters)}) AS w USING cluster
    GROUP BY fn HAVING sum(cumB) + sum(cumC) >= ${leastValue}
    SETTINGS ${STACKS_SETTINGS}`)
  return decodeRows(bytes)
}

// In the order of FunctionSums as `decodeRows` reads them.
function sumColumns(metric: Metric): Sql[] {
  const [b, c] = metric === 'flat' ? [sql`flatB`, sql`flatC`] : [sql`cumB`, sql`cumC`]
  return [
    sql`sum(${b})`,
    sql`sum(${c})`,
    sql`sum(wb * ${b} * ${b})`,
    sql`sum(wb * ${b} * nb)`,
    sql`sum(wc * ${c} * ${c})`,
    sql`sum(wc * ${c} * nc)`,
    sql`sum(sqrt(wb * wc) * ${b} * ${c})`,
    sql`sum(sqrt(wb * wc) * ${b} * nc)`,
    sql`sum(sqrt(wb * wc) * ${c} * nb)`,
  ]
}

// As doubles before anything is squared: nanoseconds of an hour squared leave 64 bits.
/**
 * A row per stratum, cluster and function: its own values and those of all stacks it is in, once each.
 * `stratum` is an expression of a profile's time.
 */
function valuesByCluster(reader: Reader, comparison: Comparison, stratum: Sql = sql`0`): Sql {
  const { service } = comparison
  return sql`
    SELECT stratum, cluster, fn, toFloat64(sum(b)) AS cumB, toFloat64(sum(c)) AS cumC,
      toFloat64(sumIf(b, fn = leaf)) AS flatB, toFloat64(sumIf(c, fn = leaf)) AS flatC
    FROM (
      SELECT stratum, cluster, s, sum(b) AS b, sum(c) AS c
      FROM (${unionOfArms(
        reader,
        comparison,
        sql`series_id, s, toUInt64(${stratum}) AS stratum`,
        (b, c) => sql`${b ? sql`v` : sql`toInt64(0)`} AS b, ${c ? sql`v` : sql`toInt64(0)`} AS c`,
        sql`ARRAY JOIN stack_ids AS s, vals AS v`,
      )}) AS p
      INNER JOIN ${clustersOf(reader, comparison)} USING series_id
      WHERE ${among(comparison)}
      GROUP BY stratum, cluster, s
    ) AS pairs
    INNER JOIN (
      SELECT stack_id AS s, any(arrayDistinct(frames)) AS fns, any(frames[-1]) AS leaf FROM stacks
      WHERE tenant = ${reader.tenant} AND service = ${service} GROUP BY stack_id
    ) AS k USING s
    ARRAY JOIN fns AS fn
    GROUP BY stratum, cluster, fn`
}

function unionOfArms(
  reader: Reader,
  { baseline, candidate }: Comparison,
  columns: Sql,
  values: (b: boolean, c: boolean) => Sql,
  arrayJoin: Sql,
): Sql {
  // Which clusters count may differ by arm, and the cluster is known after the join only.
  const of = (arm: Arm, isBaseline: boolean) => sql`
    SELECT ${columns}, ${isBaseline} AS isBaseline, ${values(isBaseline, !isBaseline)}
    FROM profiles ${arrayJoin} WHERE ${profilesWhere(reader.tenant, arm.scope)}`
  return joinSql([of(baseline, true), sql`UNION ALL`, of(candidate, false)], ' ')
}

function among({ baseline, candidate }: Comparison): Sql {
  const within = ({ clusters }: Arm) =>
    clusters === undefined ? sql`1` : sql`has(${clusters}, cluster)`
  return sql`if(isBaseline, ${within(baseline)}, ${within(candidate)})`
}

function clustersOf(reader: Reader, { baseline, candidate, clusterBy }: Comparison): Sql {
  const where = ({ scope }: Arm) => seriesWhere(reader.tenant, scope.selector, scope.range)
  return sql`(
    SELECT series_id, any(toString(${labelOfSeries(clusterBy)})) AS cluster FROM series
    WHERE (${where(baseline)}) OR (${where(candidate)}) GROUP BY series_id
  ) AS named`
}

function weightTable(clusters: readonly Cluster[]): Sql {
  const weights = weigh(clusters, {
    b: clusters.reduce((sum, { nb }) => sum + nb, 0),
    c: clusters.reduce((sum, { nc }) => sum + nc, 0),
  })
  const names = clusters.map(({ name }) => name)
  return sql`
    SELECT t.1 AS cluster, t.2 AS nb, t.3 AS nc, t.4 AS wb, t.5 AS wc FROM (
      SELECT arrayJoin(arrayZip(${names}, ${doubles(clusters.map(({ nb }) => nb))},
        ${doubles(clusters.map(({ nc }) => nc))}, ${doubles([...weights.b])},
        ${doubles([...weights.c])})) AS t
    )`
}

// A list of whole numbers would be integers of the narrowest width.
function doubles(values: readonly number[]): Sql {
  return sql`arrayMap(x -> toFloat64(x), ${values})`
}

const ROW_BYTES = 8 * (2 + 2 * SUMS.length)

function decodeRows(bytes: Buffer): FunctionRow[] {
  const rows: FunctionRow[] = []
  for (let at = 0; at < bytes.length; at += ROW_BYTES) {
    const sumsAt = (first: number): FunctionSums => {
      const value = (i: number) => bytes.readDoubleLE(at + 8 * (first + i))
      return {
        xb: value(0),
        xc: value(1),
        bb: value(2),
        bn: value(3),
        cc: value(4),
        cn: value(5),
        bc: value(6),
        xbnc: value(7),
        xcnb: value(8),
      }
    }
    rows.push({
      function: bytes.readBigUInt64LE(at),
      clusters: bytes.readDoubleLE(at + 8),
      flat: sumsAt(2),
      cum: sumsAt(2 + SUMS.length),
    })
  }
  return rows
}

export type ClusterValues = {
  readonly cluster: string
  readonly function: bigint
} & Readonly<Record<'flatB' | 'flatC' | 'cumB' | 'cumC', number>>

/** The same values cluster by cluster, of some functions. */
export async function readClusterValues(
  reader: Reader,
  comparison: Comparison,
  functions: readonly bigint[],
): Promise<ClusterValues[]> {
  if (functions.length === 0) return []
  const rows = await reader.rows<Record<string, string | number>>(sql`
    SELECT cluster, fn, flatB, flatC, cumB, cumC FROM (${valuesByCluster(reader, comparison)})
    WHERE fn IN ${functions} ORDER BY fn, cluster SETTINGS ${STACKS_SETTINGS}`)
  return rows.map(({ cluster, fn, flatB, flatC, cumB, cumC }) => ({
    cluster: String(cluster),
    function: BigInt(fn as string),
    flatB: Number(flatB),
    flatC: Number(flatC),
    cumB: Number(cumB),
    cumC: Number(cumC),
  }))
}

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
