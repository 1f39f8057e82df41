import type { Sql } from '../../infra/store/sql.ts'
import { joinSql, sql } from '../../infra/store/sql.ts'
import { labelOfSeries } from '../selector-sql.ts'
import type { Reader } from './reader.ts'
import type { Scope } from './scope.ts'
import { profilesWhere, seriesWhere } from './scope.ts'

// The two arms of a comparison as statements: rows of both, each with the cluster (the host, mostly)
// it belongs to.

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

/**
 * A row per stratum, cluster and function: its own values and those of all stacks it is in, once each.
 * `stratum` is an expression of a profile's time. Values are doubles, since they get squared, and
 * nanoseconds of an hour squared leave 64 bits.
 */
export function valuesByCluster(
  reader: Reader,
  comparison: Comparison,
  stratum: Sql = sql`0`,
): Sql {
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

export function unionOfArms(
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

export function among({ baseline, candidate }: Comparison): Sql {
  const within = ({ clusters }: Arm) =>
    clusters === undefined ? sql`1` : sql`has(${clusters}, cluster)`
  return sql`if(isBaseline, ${within(baseline)}, ${within(candidate)})`
}

export function clustersOf(reader: Reader, { baseline, candidate, clusterBy }: Comparison): Sql {
  const where = ({ scope }: Arm) => seriesWhere(reader.tenant, scope.selector, scope.range)
  return sql`(
    SELECT series_id, any(toString(${labelOfSeries(clusterBy)})) AS cluster FROM series
    WHERE (${where(baseline)}) OR (${where(candidate)}) GROUP BY series_id
  ) AS named`
}
