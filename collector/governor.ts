export type GovernorOptions = {
  readonly mostSteps: number
  /** Windows whose mean must be over the ceiling for a step down. */
  readonly overWindows: number
  /** Windows in a row below `calmShare` for a step back up, at first. */
  readonly calmWindows: number
  /** Of the ceiling; far enough below it that the step back does not lead over it at once. */
  readonly calmShare: number
}

// What a step changes shows in the window after the next: the one under way began before it.
const SETTLE_WINDOWS = 1
const MOST_PATIENCE = 32

/**
 * Holds something below a ceiling by steps: 0 is at will, each further one takes less. A step back that
 * turns out to have been too early makes the next wait twice as long, to at most 32 times.
 */
export class Governor {
  readonly #options: GovernorOptions
  #step = 0
  #shares: number[] = []
  #settling = 0
  #calm = 0
  #patience = 1
  #sinceBack = Number.POSITIVE_INFINITY

  constructor(options: GovernorOptions) {
    this.#options = options
  }

  get step(): number {
    return this.#step
  }

  /** `share` of the ceiling was used in the last window (1 = all of it); answers the step to take. */
  next(share: number): number {
    const { mostSteps, overWindows, calmWindows, calmShare } = this.#options
    this.#sinceBack++
    if (this.#settling > 0) {
      this.#settling--
      return this.#step
    }
    this.#shares = [...this.#shares, share].slice(-overWindows)
    const mean = this.#shares.reduce((sum, one) => sum + one, 0) / this.#shares.length
    this.#calm = share < calmShare ? this.#calm + 1 : 0
    if (this.#shares.length === overWindows && mean > 1 && this.#step < mostSteps) {
      if (this.#sinceBack <= calmWindows)
        this.#patience = Math.min(MOST_PATIENCE, 2 * this.#patience)
      this.#take(this.#step + 1)
    } else if (this.#calm >= calmWindows * this.#patience) {
      if (this.#step === 0) this.#patience = 1
      else {
        this.#take(this.#step - 1)
        this.#sinceBack = 0
      }
    }
    return this.#step
  }

  #take(step: number): void {
    this.#step = step
    this.#shares = []
    this.#calm = 0
    this.#settling = SETTLE_WINDOWS
  }
}
