import type { Judged } from '../judge/decide.ts'
import type { Comparison } from '../read/arms.ts'
import type { ClusterValues } from '../read/host-sums.ts'
import { readClusters, readClusterValues } from '../read/host-sums.ts'
import type { Reader } from '../read/reader.ts'
import type { TestKey } from './measured.ts'

/** How the hosts stand behind one change. */
export type HostsBehind = {
  /** Part of the hosts whose own share went the same way. */
  readonly agree: number
  /** The host that the scatter comes from most, with its part of it. */
  readonly top: { readonly host: string; readonly weight: number } | null
}

/**
 * By test, as given. A host in both arms is compared with itself, one that runs the candidate only
 * with the baseline's share.
 */
export async function readHostsBehind(
  reader: Reader,
  comparison: Comparison,
  tests: readonly Judged<TestKey>[],
): Promise<HostsBehind[]> {
  if (tests.length === 0) return []
  const functions = [...new Set(tests.map(({ key }) => key.function))]
  const [{ clusters, totals }, values] = await Promise.all([
    readClusters(reader, comparison),
    readClusterValues(reader, comparison, functions),
  ])
  const byFunction = Map.groupBy(values, (row) => row.function)
  const { total: nb } = totals.baseline
  const { total: nc } = totals.candidate
  return tests.map(({ key, estimate }) => {
    const own = new Map(byFunction.get(key.function)?.map((row) => [row.cluster, row]))
    const valueIn = (row: ClusterValues | undefined, arm: 'B' | 'C') =>
      row?.[`${key.metric}${arm}`] ?? 0
    const sum = (arm: 'B' | 'C') =>
      [...own.values()].reduce((all, row) => all + valueIn(row, arm), 0)
    const [pb, pc] = [sum('B') / nb, sum('C') / nc]
    let voters = 0
    let agreeing = 0
    let scatter = 0
    let top = { host: '', weight: 0 }
    for (const cluster of clusters) {
      const [xb, xc] = [valueIn(own.get(cluster.name), 'B'), valueIn(own.get(cluster.name), 'C')]
      const score = scoreOf(xc, cluster.nc, pc, nc) - scoreOf(xb, cluster.nb, pb, nb)
      scatter += score * score
      if (score * score > top.weight) top = { host: cluster.name, weight: score * score }
      if (cluster.nc === 0) continue
      voters++
      const before = cluster.nb > 0 ? xb / cluster.nb : pb
      if ((xc / cluster.nc - before) * estimate.delta > 0) agreeing++
    }
    return {
      agree: voters === 0 ? 0 : agreeing / voters,
      top: scatter === 0 ? null : { host: top.host, weight: top.weight / scatter },
    }
  })
}

function scoreOf(x: number, n: number, p: number, total: number): number {
  if (n === 0 || n >= total) return 0
  return (x - p * n) / (total * Math.sqrt(1 - n / total))
}
