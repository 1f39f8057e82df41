import type { Arms } from './sums.ts'

/** The comparison of hosts straight from its definition, score by score: slow, to check by. */
export function compareDirectly(
  arms: Arms,
  fn: number,
): { delta: number; variance: number; df: number } {
  const hosts = new Set([...arms.baseline, ...arms.candidate].map(({ host }) => host))
  const side = (name: keyof Arms) => {
    const counts = new Map(arms[name].map((one) => [one.host, one]))
    const all = arms[name].reduce((sum, { n }) => sum + n, 0)
    const p = arms[name].reduce((sum, { x }) => sum + (x[fn] as number), 0) / all
    const score = (host: number) => {
      const one = counts.get(host)
      if (one === undefined || one.n === 0) return 0
      return ((one.x[fn] as number) - p * one.n) / (all * Math.sqrt(1 - one.n / all))
    }
    const effective = 1 / arms[name].reduce((sum, { n }) => sum + (n / all) ** 2, 0)
    return { all, p, score, effective, has: (host: number) => (counts.get(host)?.n ?? 0) > 0 }
  }
  const b = side('baseline')
  const c = side('candidate')
  const squares = (score: (host: number) => number) =>
    [...hosts].reduce((sum, host) => sum + score(host) ** 2, 0)
  const floor = (b.p * (1 - b.p)) / b.all + (c.p * (1 - c.p)) / c.all
  const paired = [...hosts].some((host) => b.has(host) && c.has(host))
  const [vb, vc] = [squares(b.score), squares(c.score)]
  const welch = (vb + vc) ** 2 / (vb ** 2 / (b.effective - 1) + vc ** 2 / (c.effective - 1))
  return {
    delta: c.p - b.p,
    variance: Math.max(
      squares((host) => c.score(host) - b.score(host)),
      floor,
    ),
    df: Math.max(1, paired || vb + vc === 0 ? Math.min(b.effective, c.effective) - 1 : welch),
  }
}
