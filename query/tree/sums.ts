// Columns of exact integer sums. A double is exact to 2^53, which CPU nanoseconds reach at 2,502
// core-hours. Where a query's total lies beyond, every value is split at 2^26 into two doubles that
// add up independently: exact to 2^79 as long as fewer than 2^27 values meet in one sum.

const SPLIT = 0x400_0000 // 2^26
const EXACT = Number.MAX_SAFE_INTEGER

export class Sums {
  readonly low: Float64Array
  /** Null where the doubles of `low` alone are exact. */
  readonly high: Float64Array | null

  constructor(length: number, wide: boolean) {
    this.low = new Float64Array(length)
    this.high = wide ? new Float64Array(length) : null
  }

  get length(): number {
    return this.low.length
  }

  get wide(): boolean {
    return this.high !== null
  }

  /** Adds an Int64 given as its two words. */
  addWords(at: number, lowWord: number, highWord: number): void {
    if (this.high === null) {
      this.low[at] = (this.low[at] as number) + numberOfWords(lowWord, highWord)
      return
    }
    this.high[at] = (this.high[at] as number) + (highWord | 0) * 64 + (lowWord >>> 26)
    this.low[at] = (this.low[at] as number) + (lowWord & (SPLIT - 1))
  }

  /** Adds another column's value; both are wide or none is. */
  add(at: number, from: Sums, index: number): void {
    this.low[at] = (this.low[at] as number) + (from.low[index] as number)
    if (this.high !== null && from.high !== null)
      this.high[at] = (this.high[at] as number) + (from.high[index] as number)
  }

  /** Of a tree whose parents come before their children: each with all that is below it. */
  sumUp(parent: Uint32Array | Int32Array): Sums {
    const sums = new Sums(this.length, this.wide)
    for (const [from, to] of this.#lanes(sums)) {
      to.set(from)
      for (let i = to.length - 1; i > 0; i--) {
        const above = parent[i] as number
        to[above] = (to[above] as number) + (to[i] as number)
      }
    }
    return sums
  }

  /** The values at `indexes`, in their order. */
  gather(indexes: Uint32Array): Sums {
    const sums = new Sums(indexes.length, this.wide)
    for (const [from, to] of this.#lanes(sums)) {
      for (let i = 0; i < to.length; i++) to[i] = from[indexes[i] as number] as number
    }
    return sums
  }

  /** Puts the value of another column in place of one. */
  replace(at: number, from: Sums, index: number): void {
    for (const [source, to] of from.#lanes(this)) to[at] = source[index] as number
  }

  /** Sets out[i] to 1 where value i is not 0. */
  markPresent(out: Uint8Array): void {
    for (const lane of [this.low, this.high]) {
      if (lane === null) continue
      for (let i = 0; i < lane.length; i++) if (lane[i] !== 0) out[i] = 1
    }
  }

  /** All values as doubles, rounded beyond 2^53. */
  doubles(): Float64Array {
    return this.high === null
      ? this.low
      : Float64Array.from(this.low, (_, i) => this.approximate(i))
  }

  // Sums in both lanes are the same additions; the other column is as wide.
  #lanes(other: Sums): [Float64Array, Float64Array][] {
    const low: [Float64Array, Float64Array] = [this.low, other.low]
    return this.high !== null && other.high !== null ? [low, [this.high, other.high]] : [low]
  }

  /** The value as a double, rounded beyond 2^53. */
  approximate(at: number): number {
    const low = this.low[at] as number
    return this.high === null ? low : (this.high[at] as number) * SPLIT + low
  }

  exact(at: number): bigint {
    const low = BigInt(this.low[at] as number)
    return this.high === null ? low : BigInt(this.high[at] as number) * BigInt(SPLIT) + low
  }

  /** As the API sends it: a number, beyond 2^53 a decimal string. */
  value(at: number): number | string {
    const near = this.approximate(at)
    if (this.high === null || Math.abs(near) < EXACT) return near
    const exact = this.exact(at)
    return exact > EXACT || exact < -EXACT ? exact.toString() : Number(exact)
  }
}

export function numberOfWords(lowWord: number, highWord: number): number {
  return (highWord | 0) * 0x1_0000_0000 + (lowWord >>> 0)
}

/** Whether values that add up to `total` (their absolute values, as a double) need two lanes. */
export function needsWide(total: number): boolean {
  return total >= EXACT
}
