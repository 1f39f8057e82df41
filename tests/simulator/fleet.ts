import { Draws } from './random.ts'

// A service on a fleet of hosts: what share of its samples each function has, on which host, when.
// Every level of noise is a parameter, and an assumption. Time is in blocks of ten minutes.

export const BLOCKS_A_DAY = 144

/** Deviations of the logarithm of a function's share, unless said. */
export type Noise = {
  /** Of a host for good: its hardware, its traffic. */
  readonly host: number
  /** Of a host in a block. */
  readonly hostTime: number
  /** Of all hosts together, an AR(1) process of blocks. */
  readonly shock: number
  readonly shockMemory: number
  /** Of all hosts together, by day. */
  readonly day: number
  /** Amplitude over the day. */
  readonly diurnal: number
  /** Of a host's number of samples. */
  readonly volume: number
  /** How much these differ between functions. */
  readonly unevenness: number
  /** Share of pairs of host and function that are twice the usual. */
  readonly outliers: number
}

export const USUAL: Noise = {
  host: 0.1,
  hostTime: 0.1,
  shock: 0.02,
  shockMemory: 0.8,
  day: 0.01,
  diurnal: 0.08,
  volume: 0.5,
  unevenness: 0.5,
  outliers: 0.001,
}
export const QUIET: Noise = {
  ...USUAL,
  host: 0.03,
  hostTime: 0.03,
  shock: 0.005,
  day: 0.003,
  diurnal: 0.02,
}
export const NOISY: Noise = {
  ...USUAL,
  host: 0.3,
  hostTime: 0.2,
  shock: 0.05,
  day: 0.03,
  diurnal: 0.15,
}

export type FleetShape = {
  readonly hosts: number
  readonly functions: number
  /** Of Zipf's law that the shares follow. */
  readonly exponent: number
  readonly noise: Noise
  /** Sets the share of a function instead of Zipf's. */
  readonly shares?: ReadonlyMap<number, number>
}

export type Window = {
  readonly hosts: readonly number[]
  /** Block it begins with, and how many it has. */
  readonly from: number
  readonly blocks: number
  /** Samples of a host of median size in a block. */
  readonly samples: number
  /** Added to a function's share, as a part of the service. */
  readonly change?: { readonly fn: number; readonly delta: number }
}

/** Samples of one host in a window. */
export type HostCounts = { readonly host: number; readonly n: number; readonly x: Float64Array }

export class Fleet {
  readonly shares: Float64Array
  readonly #shape: FleetShape
  readonly #seed: readonly number[]
  readonly #draws: Draws
  readonly #hostEffect: readonly Float64Array[]
  readonly #volume: Float64Array
  readonly #spread: Float64Array
  readonly #phase: Float64Array
  readonly #shocks: Map<number, Float64Array> = new Map()

  constructor(shape: FleetShape, ...seed: readonly number[]) {
    this.#shape = shape
    this.#seed = seed
    const { functions, hosts, noise } = shape
    const draws = new Draws(1, ...seed)
    this.#draws = new Draws(2, ...seed)
    this.shares = zipf(shape)
    this.#spread = Float64Array.from({ length: functions }, () =>
      Math.exp(noise.unevenness * draws.normal()),
    )
    this.#phase = Float64Array.from({ length: functions }, () => 2 * Math.PI * draws.uniform())
    this.#volume = Float64Array.from({ length: hosts }, () =>
      Math.exp(noise.volume * draws.normal()),
    )
    this.#hostEffect = Array.from({ length: hosts }, () =>
      Float64Array.from(this.#spread, (spread) => {
        const usual = noise.host * spread * draws.normal()
        return draws.uniform() < noise.outliers ? usual + Math.LN2 : usual
      }),
    )
  }

  /** The same window is drawn anew at each call; what is common to all hosts stays. */
  sample(window: Window): HostCounts[] {
    const counts = window.hosts.map((host) => ({
      host,
      n: 0,
      x: new Float64Array(this.#shape.functions),
    }))
    for (let block = window.from; block < window.from + window.blocks; block++) {
      const common = this.#common(block)
      for (const count of counts) count.n += this.#sampleBlock(count, common, window)
    }
    return counts
  }

  #sampleBlock(
    to: { host: number; x: Float64Array },
    common: Float64Array,
    window: Window,
  ): number {
    const { noise, functions } = this.#shape
    const hostEffect = this.#hostEffect[to.host] as Float64Array
    const weights = new Float64Array(functions)
    let whole = 0
    for (let fn = 0; fn < functions; fn++) {
      const own = noise.hostTime * (this.#spread[fn] as number) * this.#draws.normal()
      const weight = Math.exp((common[fn] as number) + (hostEffect[fn] as number) + own)
      weights[fn] = (this.shares[fn] as number) * weight
      whole += weights[fn] as number
    }
    const { change } = window
    if (change !== undefined) {
      // So that the share of all samples rises by delta: the rest gives way.
      const before = (weights[change.fn] as number) / whole
      const after = before + change.delta
      const grown = ((whole - (weights[change.fn] as number)) * after) / (1 - after)
      whole += grown - (weights[change.fn] as number)
      weights[change.fn] = grown
    }
    const samples = window.samples * (this.#volume[to.host] as number)
    let n = 0
    for (let fn = 0; fn < functions; fn++) {
      const drawn = this.#draws.poisson((samples * (weights[fn] as number)) / whole)
      to.x[fn] = (to.x[fn] as number) + drawn
      n += drawn
    }
    return n
  }

  /** What a block does to every host, ln. */
  #common(block: number): Float64Array {
    const { noise, functions } = this.#shape
    const day = Math.floor(block / BLOCKS_A_DAY)
    const dayDraws = new Draws(3, day, ...this.#seed)
    const shock = this.#shock(block)
    const angle = (2 * Math.PI * block) / BLOCKS_A_DAY
    return Float64Array.from({ length: functions }, (_, fn) => {
      const spread = this.#spread[fn] as number
      const daily = noise.diurnal * Math.SQRT2 * Math.sin(angle + (this.#phase[fn] as number))
      return spread * (noise.day * dayDraws.normal() + daily) + (shock[fn] as number)
    })
  }

  // Begun afresh each day, so that windows of any day can be drawn alone.
  #shock(block: number): Float64Array {
    const known = this.#shocks.get(block)
    if (known !== undefined) return known
    const { noise, functions } = this.#shape
    const first = block % BLOCKS_A_DAY === 0
    const before = first ? undefined : this.#shock(block - 1)
    const draws = new Draws(4, block, ...this.#seed)
    const fresh = noise.shock * (first ? 1 : Math.sqrt(1 - noise.shockMemory ** 2))
    const shock = Float64Array.from({ length: functions }, (_, fn) => {
      const spread = this.#spread[fn] as number
      return noise.shockMemory * (before?.[fn] ?? 0) + fresh * spread * draws.normal()
    })
    this.#shocks.set(block, shock)
    return shock
  }
}

function zipf({ functions, exponent, shares }: FleetShape): Float64Array {
  const weights = Float64Array.from({ length: functions }, (_, rank) => (rank + 1) ** -exponent)
  const fixed = shares ?? new Map<number, number>()
  const given = [...fixed.values()].reduce((sum, share) => sum + share, 0)
  const rest = weights.reduce((sum, weight, fn) => (fixed.has(fn) ? sum : sum + weight), 0)
  return weights.map((weight, fn) => fixed.get(fn) ?? (weight / rest) * (1 - given))
}
