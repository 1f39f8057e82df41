import { lnGamma } from './gamma.ts'

// Student's t distribution. Degrees of freedom need not be whole. From 1e6 on it is the normal one for
// all that is asked here, so they are capped there.
const MOST_FREEDOM = 1e6

/** P(|T| >= |t|). Exact to about 1e-10 of itself also far out in the tail. */
export function twoSidedP(t: number, df: number): number {
  const freedom = Math.min(df, MOST_FREEDOM)
  const square = t * t
  if (!(freedom > 0) || Number.isNaN(square)) return 1
  if (square === Number.POSITIVE_INFINITY) return 0
  return incompleteBeta(freedom / 2, 0.5, freedom / (freedom + square), square / (freedom + square))
}

/** The t > 0 with P(|T| >= t) = p, for 0 < p <= 1. */
export function criticalT(p: number, df: number): number {
  if (p >= 1) return 0
  let low = 0
  let high = 1
  while (twoSidedP(high, df) > p) {
    low = high
    high *= 2
    if (high > 1e300) return Number.POSITIVE_INFINITY
  }
  while (high - low > 1e-12 * high) {
    const middle = (low + high) / 2
    if (middle === low || middle === high) break
    if (twoSidedP(middle, df) > p) low = middle
    else high = middle
  }
  return high
}

/**
 * The regularized incomplete beta function I_x(a, b), given also y = 1 - x so that neither end loses
 * its digits. By its continued fraction (DLMF 8.17.22), on whichever side converges fast.
 */
function incompleteBeta(a: number, b: number, x: number, y: number): number {
  if (y <= 0) return 1
  if (x <= 0) return 0
  const lnX = y < 0.5 ? Math.log1p(-y) : Math.log(x)
  const front = Math.exp(lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * lnX + b * Math.log(y))
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(a, b, x)) / a
    : 1 - (front * betaFraction(b, a, y)) / b
}

// Needs about sqrt(max(a, b)) terms, a thousand at most here.
const MOST_TERMS = 5000

// Lentz' method, as modified by Thompson and Barnett (1986).
function betaFraction(a: number, b: number, x: number): number {
  const nonZero = (value: number) => (Math.abs(value) < 1e-300 ? 1e-300 : value)
  let c = 1
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1))
  let fraction = d
  for (let m = 1; m <= MOST_TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / nonZero(1 + even * d)
    c = nonZero(1 + even / c)
    fraction *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / nonZero(1 + odd * d)
    c = nonZero(1 + odd / c)
    fraction *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return fraction
}
