// Seeded randomness, so that the same fleet at the same time gives the same samples.

/** Uniform in [0, 1). */
export type Random = () => number

/** A stream of its own for every list of words and numbers. */
export function createRandom(...seed: readonly (string | number)[]): Random {
  // FNV-1a over the seed's text starts a Weyl sequence whose terms are mixed as in MurmurHash3.
  let state = 0x811c9dc5
  for (const char of seed.join('\0'))
    state = Math.imul(state ^ (char.codePointAt(0) ?? 0), 0x01000193)
  return function next() {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
  }
}

/** Normal with mean 0 and deviation 1, by Box and Muller. */
function drawNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Log-normal with median 1; `spread` 0.1 means about ten percent up or down. */
export function drawFactor(random: Random, spread: number): number {
  return Math.exp(spread * drawNormal(random))
}

/** Events of a Poisson process that has `mean` of them on average. */
export function drawPoisson(random: Random, mean: number): number {
  // From 30 on the normal distribution is within a percent of it.
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * drawNormal(random)))
  const limit = Math.exp(-mean)
  let events = 0
  for (let product = random(); product > limit; product *= random()) events++
  return events
}
