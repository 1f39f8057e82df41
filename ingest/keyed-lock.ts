/** Runs one task at a time per key. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>()

  /** Runs `task` when no earlier task holds any of `keys`. */
  async run<T>(keys: readonly string[], task: () => Promise<T>): Promise<T> {
    // All tails are read and replaced in one turn, so two tasks never wait for each other.
    const own = [...new Set(keys)]
    const earlier = own.map((key) => this.#tails.get(key))
    const { promise: done, resolve: release } = Promise.withResolvers<void>()
    for (const key of own) this.#tails.set(key, done)
    try {
      await Promise.all(earlier)
      return await task()
    } finally {
      for (const key of own) if (this.#tails.get(key) === done) this.#tails.delete(key)
      release()
    }
  }
}
