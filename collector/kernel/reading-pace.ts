import type { MapSizes } from './map-sizes.ts'

// Between two readings where there are sources beside the CPU clock: at first, and at least. A reading waits
// for a grace period of 5 to 15 ms.
const FIRST_MS = 1_000
const LEAST_MS = 100

/**
 * How often the maps are read. Samples of the CPU clock come at a known rate, waits and hooks at any: twice
 * as often when their maps are half full, half as often when they are nearly empty.
 */
export class ReadingPace {
  readonly #sizes: MapSizes
  #everyMs: number

  constructor(sizes: MapSizes) {
    this.#sizes = sizes
    const { besideEntries, readEveryMs } = sizes
    this.#everyMs = besideEntries > 0 ? Math.min(FIRST_MS, readEveryMs) : readEveryMs
  }

  get everyMs(): number {
    return this.#everyMs
  }

  /** `besideStacks` were found by a reading. */
  note(besideStacks: number): void {
    const { besideEntries, readEveryMs } = this.#sizes
    if (2 * besideStacks > besideEntries) this.#everyMs = Math.max(LEAST_MS, this.#everyMs / 2)
    else if (8 * besideStacks < besideEntries)
      this.#everyMs = Math.min(readEveryMs, this.#everyMs * 2)
  }
}
