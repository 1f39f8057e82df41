import type { Sql } from '../../infra/store/sql.ts'
import { joinSql, sql } from '../../infra/store/sql.ts'
import type { FunctionSums, Totals } from '../judge/host-sums.ts'
import type { Comparison } from './arms.ts'
import { among, clustersOf, unionOfArms, valuesByCluster } from './arms.ts'
import type { Reader } from './reader.ts'
import { STACKS_SETTINGS } from './scope.ts'

// The sums that a comparison of hosts stands on (query/judge/host-sums.ts), made by the store: two
// rows a function leave it, however many hosts there are.

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
