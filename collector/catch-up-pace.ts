import { BATCH_HEADERS } from '../infra/contract/batch.ts'

export type CatchUpOptions = {
  /** How many times faster than they were taken old batches are sent. */
  readonly factor: number
  /** Unix ms. */
  readonly now?: () => number
  /** In [0, 1). */
  readonly random?: () => number
}

// A hiccup is made up for at once.
const LATE_MS = 60_000

/**
 * What has waited in the spool goes out no faster than `factor` windows in the time of one, so that a
 * fleet whose broker was away does not take it down again when it returns. All parts of a window go
 * together, hence a collector that catches up always does. Each pause is longer or shorter by up to a
 * half at random: collectors that began to wait together do not go on in step.
 */
export class CatchUpPace {
  readonly #factor: number
  readonly #now: () => number
  readonly #random: () => number
  #lastEndMs = Number.NaN

  constructor({ factor, now = Date.now, random = Math.random }: CatchUpOptions) {
    this.#factor = factor
    this.#now = now
    this.#random = random
  }

  /** Ms to wait before the batch with these headers (BATCH_HEADERS) is sent. */
  pauseBefore(headers: Readonly<Record<string, string>>): number {
    const endMs = Number(headers[BATCH_HEADERS.windowEnd])
    const windowMs = endMs - Number(headers[BATCH_HEADERS.windowStart])
    const isSameWindow = endMs === this.#lastEndMs
    this.#lastEndMs = endMs
    // Of headers that cannot be read the server will say what is wrong.
    if (isSameWindow || !(endMs < this.#now() - LATE_MS)) return 0
    return (windowMs / this.#factor) * (0.5 + this.#random()) || 0
  }
}
