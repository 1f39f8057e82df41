import type { FunctionSums, Totals } from '../../query/judge/host-sums.ts'
import type { HostCounts } from './fleet.ts'

// The store's sums over hosts, made of hosts' counts one by one.

export type Arms = {
  readonly baseline: readonly HostCounts[]
  readonly candidate: readonly HostCounts[]
}

export function sumTotals({ baseline, candidate }: Arms): Totals {
  const [b, c] = [armTotals(baseline), armTotals(candidate)]
  let cross = 0
  let shared = 0
  for (const host of baseline) {
    const other = candidate.find((one) => one.host === host.host)
    if (other === undefined || host.n === 0 || other.n === 0) continue
    shared++
    cross += Math.sqrt(weigh(host.n, b.total) * weigh(other.n, c.total)) * host.n * other.n
  }
  return { baseline: b, candidate: c, cross, shared }
}

export function sumFunction(
  { baseline, candidate }: Arms,
  totals: Totals,
  fn: number,
): FunctionSums {
  const { total: nb } = totals.baseline
  const { total: nc } = totals.candidate
  const sums = { xb: 0, xc: 0, bb: 0, bn: 0, cc: 0, cn: 0, bc: 0, xbnc: 0, xcnb: 0 }
  for (const { n, x } of baseline) {
    const value = x[fn] as number
    sums.xb += value
    sums.bb += weigh(n, nb) * value ** 2
    sums.bn += weigh(n, nb) * value * n
  }
  for (const { host, n, x } of candidate) {
    const value = x[fn] as number
    sums.xc += value
    sums.cc += weigh(n, nc) * value ** 2
    sums.cn += weigh(n, nc) * value * n
    const other = baseline.find((one) => one.host === host)
    if (other === undefined) continue
    const weight = Math.sqrt(weigh(other.n, nb) * weigh(n, nc))
    sums.bc += weight * (other.x[fn] as number) * value
    sums.xbnc += weight * (other.x[fn] as number) * n
    sums.xcnb += weight * value * other.n
  }
  return sums
}

function armTotals(hosts: readonly HostCounts[]) {
  const total = hosts.reduce((sum, { n }) => sum + n, 0)
  return {
    total,
    squares: hosts.reduce((sum, { n }) => sum + weigh(n, total) * n ** 2, 0),
    hosts: hosts.filter(({ n }) => n > 0).length,
    effective: 1 / hosts.reduce((sum, { n }) => sum + (n / total) ** 2, 0),
  }
}

function weigh(n: number, total: number): number {
  return n === 0 ? 0 : 1 / (1 - n / total)
}
