import { sql } from '../../infra/store/sql.ts'
import type { Presence, Runs } from '../judge/choose-design.ts'
import { labelOfSeries } from '../selector-sql.ts'
import type { Reader } from './reader.ts'
import type { Scope } from './scope.ts'
import { profilesWhere, seriesWhere } from './scope.ts'

export type PresenceQuestion = {
  /** Of the service, both versions. */
  readonly scope: Scope
  readonly baseline: string
  readonly candidate: string
  readonly clusterBy: string
  /** Whole seconds. */
  readonly stepMs: number
}

/** Which hosts ran which of two versions, step by step. */
export async function readPresence(
  reader: Reader,
  { scope, baseline, candidate, clusterBy, stepMs }: PresenceQuestion,
): Promise<Presence> {
  const { fromMs, toMs } = scope.range
  const steps = Math.ceil((toMs - fromMs) / stepMs)
  const rows = await reader.rows<{ cluster: string; version: string; at: number[] }>(sql`
    SELECT cluster, version, groupUniqArray(step) AS at FROM (
      SELECT series_id, version,
        toUInt32(intDiv(toUnixTimestamp(time) * 1000 - ${fromMs}, ${stepMs})) AS step
      FROM profiles
      WHERE ${profilesWhere(reader.tenant, scope)} AND version IN ${[baseline, candidate]}
      GROUP BY series_id, version, step
    ) AS p INNER JOIN (
      SELECT series_id, any(toString(${labelOfSeries(clusterBy)})) AS cluster FROM series
      WHERE ${seriesWhere(reader.tenant, scope.selector, scope.range)} GROUP BY series_id
    ) AS s USING series_id
    GROUP BY cluster, version ORDER BY cluster, version`)
  const clusters = new Map<string, Runs>()
  for (const { cluster, version, at } of rows) {
    const runs = clusters.get(cluster) ?? {
      baseline: new Uint8Array(steps),
      candidate: new Uint8Array(steps),
    }
    clusters.set(cluster, runs)
    const flags = version === candidate ? runs.candidate : runs.baseline
    for (const step of at) flags[step] = 1
  }
  return { steps, clusters }
}
