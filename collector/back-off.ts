export type BackOffOptions = {
  readonly firstMs: number
  readonly maxMs: number
  /** In [0, 1). */
  readonly random?: () => number
}

/**
 * Waits between attempts that double up to a limit, each shortened at random by up to a half: a fleet
 * whose server was away does not come back all at once.
 */
export class BackOff {
  readonly #options: BackOffOptions
  readonly #random: () => number
  #nextMs: number

  constructor(options: BackOffOptions) {
    this.#options = options
    this.#random = options.random ?? Math.random
    this.#nextMs = options.firstMs
  }

  /** `askedMs` is what the server asked for: never less than that, and not all at that moment. */
  next(askedMs = 0): number {
    const jitter = 1 - this.#random() / 2
    const ownMs = this.#nextMs * jitter
    this.#nextMs = Math.min(this.#nextMs * 2, this.#options.maxMs)
    return Math.round(askedMs > 0 ? askedMs + ownMs / 2 : ownMs)
  }

  reset(): void {
    this.#nextMs = this.#options.firstMs
  }
}
