// Seeded draws for simulations of many million values. 128 bits of state, so that streams of
// different seeds do not meet (the demo's generator has 32).

export class Draws {
  #a: number
  #b: number
  #c: number
  #counter = 1
  #spare: number | undefined

  /** A stream of its own for every list of numbers. */
  constructor(...seed: readonly number[]) {
    let mixed = 0x9e3779b9
    for (const part of seed) mixed = mix(mixed ^ (part | 0)) + 0x85ebca6b
    this.#a = mix(mixed + 1)
    this.#b = mix(mixed + 2)
    this.#c = mix(mixed + 3)
    for (let i = 0; i < 16; i++) this.#word()
  }

  /** Chris Doty-Humphrey's sfc32. */
  #word(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** In (0, 1). */
  uniform(): number {
    return (this.#word() + 0.5) / 2 ** 32
  }

  whole(below: number): number {
    return Math.floor(this.uniform() * below)
  }

  /** Mean 0, deviation 1; Marsaglia's polar method. */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare
      this.#spare = undefined
      return spare
    }
    for (;;) {
      const x = 2 * this.uniform() - 1
      const y = 2 * this.uniform() - 1
      const square = x * x + y * y
      if (square >= 1 || square === 0) continue
      const scale = Math.sqrt((-2 * Math.log(square)) / square)
      this.#spare = y * scale
      return x * scale
    }
  }

  poisson(mean: number): number {
    // From 100 on, a rounded normal draw has the mean and variance to well under a percent.
    if (mean > 100) return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.normal()))
    const limit = Math.exp(-mean)
    let events = 0
    for (let product = this.uniform(); product > limit; product *= this.uniform()) events++
    return events
  }
}

// The finalizer of MurmurHash3.
function mix(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
