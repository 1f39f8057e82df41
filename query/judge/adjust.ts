/**
 * Benjamini and Hochberg's step-up procedure (1995): q[i] is the least false discovery rate at which
 * test i is among the discoveries.
 */
export function falseDiscoveryRates(p: readonly number[]): number[] {
  const order = p.map((_, i) => i).sort((i, j) => (p[j] as number) - (p[i] as number))
  const q = new Array<number>(p.length).fill(1)
  let least = 1
  order.forEach((i, fromLargest) => {
    const rank = p.length - fromLargest
    least = Math.min(least, ((p[i] as number) * p.length) / rank)
    q[i] = least
  })
  return q
}
