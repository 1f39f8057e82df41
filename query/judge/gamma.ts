// The gamma function's relatives that the tests need, to about 1e-14 for positive arguments.

// Lanczos' approximation with g = 7 and nine terms (Godfrey's coefficients).
const LANCZOS_G = 7
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
] as const

/** ln of the gamma function, for x > 0. */
export function lnGamma(x: number): number {
  // Reflection (DLMF 5.5.3), since the series is for x >= 0.5.
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - lnGamma(1 - x)
  const shifted = x - 1
  const sum = LANCZOS.reduce((all, term, k) => (k === 0 ? term : all + term / (shifted + k)), 0)
  const base = shifted + LANCZOS_G + 0.5
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(base) - base + Math.log(sum)
}

// The asymptotic series (DLMF 5.11.2 and 5.15.8) are good from here on; recurrences lead there.
const ASYMPTOTIC = 10

/** The first derivative of lnGamma, for x > 0. */
export function digamma(x: number): number {
  if (x < ASYMPTOTIC) return digamma(x + 1) - 1 / x
  const y = 1 / (x * x)
  const tail = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y * (1 / 132)))))
  return Math.log(x) - 0.5 / x - tail
}

/** The second derivative of lnGamma, for x > 0. */
export function trigamma(x: number): number {
  if (x < ASYMPTOTIC) return trigamma(x + 1) + 1 / (x * x)
  const y = 1 / (x * x)
  const tail = y * (1 / 6 - y * (1 / 30 - y * (1 / 42 - y * (1 / 30 - y * (5 / 66)))))
  return (1 + 0.5 / x + tail) / x
}

/** The x > 0 whose trigamma is `y` > 0, by Newton's method on 1 / trigamma (Smyth 2004, appendix). */
export function inverseTrigamma(y: number): number {
  if (y > 1e7) return 1 / Math.sqrt(y)
  if (y < 1e-6) return 1 / y
  let x = 0.5 + 1 / y
  for (let step = 0; step < 50; step++) {
    const value = trigamma(x)
    const change = (value * (1 - value / y)) / tetragamma(x)
    x += change
    if (Math.abs(change) < 1e-12 * x) break
  }
  return x
}

function tetragamma(x: number): number {
  if (x < ASYMPTOTIC) return tetragamma(x + 1) - 2 / (x * x * x)
  const y = 1 / (x * x)
  return -y * (1 + 1 / x + y * (1 / 2 - y * (1 / 6 - y * (1 / 6 - y * (3 / 10)))))
}
