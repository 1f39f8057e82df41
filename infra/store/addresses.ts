// Which of several addresses of one store is asked. The one that worked last is kept to, so that its
// caches stay warm; one that failed is passed over for a while, longer each time, and then is as
// good as the others again.

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000

export type Address<T> = {
  readonly url: string
  readonly client: T
}

type State<T> = {
  readonly address: Address<T>
  failures: number
  /** Unix ms; passed over until then. */
  pausedUntilMs: number
}

export class Addresses<T> {
  readonly #states: readonly State<T>[]
  readonly #now: () => number
  #current = 0

  /** At least one, the first choice first. */
  constructor(addresses: readonly Address<T>[], now: () => number = Date.now) {
    this.#states = addresses.map((address) => ({ address, failures: 0, pausedUntilMs: 0 }))
    this.#now = now
  }

  get all(): readonly Address<T>[] {
    return this.#states.map(({ address }) => address)
  }

  /** True when an address can be picked that is not in its pause. */
  get anyReady(): boolean {
    return this.#states.some((state) => this.#isReady(state))
  }

  /**
   * The one to ask: the current one, else the next in turn that is not in its pause, else the one
   * whose pause is over first, since a try costs less than an answer nobody gets.
   */
  pick(): Address<T> {
    const count = this.#states.length
    for (let i = 0; i < count; i++) {
      const index = (this.#current + i) % count
      if (!this.#isReady(this.#state(index))) continue
      this.#current = index
      return this.#state(index).address
    }
    const soonest = this.#states.reduce((a, b) => (b.pausedUntilMs < a.pausedUntilMs ? b : a))
    return soonest.address
  }

  worked(address: Address<T>): void {
    const index = this.#states.findIndex((state) => state.address === address)
    Object.assign(this.#state(index), { failures: 0, pausedUntilMs: 0 })
    // Whoever asked before it failed and answers late is no reason to go back.
    if (!this.#isReady(this.#state(this.#current))) this.#current = index
  }

  /** Answers whether it was in order until now. */
  failed(address: Address<T>): boolean {
    const state = this.#states.find((candidate) => candidate.address === address) as State<T>
    const wasReady = this.#isReady(state)
    // Many statements fail with one connection: they count once.
    if (wasReady) {
      state.failures++
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (state.failures - 1), LONGEST_PAUSE_MS)
      state.pausedUntilMs = this.#now() + pauseMs
    }
    return wasReady && state.failures === 1
  }

  #isReady({ pausedUntilMs }: State<T>): boolean {
    return pausedUntilMs <= this.#now()
  }

  #state(index: number): State<T> {
    return this.#states[index] as State<T>
  }
}
