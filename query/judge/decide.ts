import { falseDiscoveryRates } from './adjust.ts'
import type { Estimate } from './estimate.ts'
import { detectable, halfWidth, pValue } from './estimate.ts'

/** One function's `flat` or `cum`; `Key` names it to the caller. */
export type Test<Key> = {
  readonly key: Key
  readonly estimate: Estimate
}

export type Thresholds = {
  /** False discovery rate. A question asked repeatedly divides it by the number of looks. */
  readonly q: number
  /** Least change worth naming, in the unit of the estimates. */
  readonly minAbs: number
  /** Least change relative to the baseline. */
  readonly minRel: number
  /** The change a verdict is about. */
  readonly failOn: number
}

export const DEFAULT_THRESHOLDS: Thresholds = {
  q: 0.05,
  minAbs: 0.0005,
  minRel: 0.02,
  failOn: 0.005,
}

export type Judged<Key> = Test<Key> & {
  readonly p: number
  readonly q: number
  /** 95 % confidence interval of delta. */
  readonly interval: readonly [number, number]
  /** Change per baseline; null where the baseline has none of it. */
  readonly relative: number | null
  /** Change that would be found in four of five cases. */
  readonly detectable: number
  /** `ok` only where a change of `failOn` would have been found. */
  readonly status: 'regression' | 'improvement' | 'ok' | 'inconclusive'
}

/** All tests of one comparison together: their number is part of each answer. */
export function decide<Key>(tests: readonly Test<Key>[], thresholds: Thresholds): Judged<Key>[] {
  const p = tests.map(({ estimate }) => pValue(estimate))
  const q = falseDiscoveryRates(p)
  const level = thresholds.q / Math.max(1, tests.length)
  return tests.map((test, i) => {
    const { estimate } = test
    const half = halfWidth(estimate)
    const relative = estimate.baseline > 0 ? estimate.delta / estimate.baseline : null
    const found = { q: q[i] as number, delta: estimate.delta, relative }
    const least = detectable(estimate, level)
    return {
      ...test,
      p: p[i] as number,
      q: q[i] as number,
      interval: [estimate.delta - half, estimate.delta + half],
      relative,
      detectable: least,
      status: changed(found, thresholds) ?? (least > thresholds.failOn ? 'inconclusive' : 'ok'),
    }
  })
}

export function isChange({ status }: Pick<Judged<unknown>, 'status'>): boolean {
  return status === 'regression' || status === 'improvement'
}

type Found = { readonly q: number; readonly delta: number; readonly relative: number | null }

function changed(
  { q, delta, relative }: Found,
  thresholds: Thresholds,
): 'regression' | 'improvement' | undefined {
  const large =
    Math.abs(delta) >= thresholds.minAbs &&
    (relative === null || Math.abs(relative) >= thresholds.minRel)
  if (!large || q > thresholds.q) return undefined
  return delta > 0 ? 'regression' : 'improvement'
}

/**
 * What would have been found in a function of about this share: the median over tested functions
 * within a factor of two of it, or of the one nearest to it.
 */
export function detectableAt<Key>(judged: readonly Judged<Key>[], share: number): number | null {
  const distance = ({ estimate }: Judged<Key>) =>
    estimate.baseline > 0
      ? Math.abs(Math.log2(estimate.baseline / share))
      : Number.POSITIVE_INFINITY
  const known = judged.filter((one) => Number.isFinite(distance(one)))
  const near = known.filter((one) => distance(one) <= 1)
  const chosen =
    near.length > 0 ? near : [...known].sort((a, b) => distance(a) - distance(b)).slice(0, 1)
  const changes = chosen.map((one) => one.detectable).sort((a, b) => a - b)
  return changes[changes.length >> 1] ?? null
}
