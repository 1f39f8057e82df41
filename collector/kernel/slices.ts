import { setImmediate } from 'node:timers/promises'

/** Long work in slices of a few milliseconds, between which the event loop gets on with the rest. */
export class Slices {
  readonly #sliceMs: number
  #until: number

  constructor(sliceMs = 4) {
    this.#sliceMs = sliceMs
    this.#until = performance.now() + sliceMs
  }

  /** Apart from yield(), so that a loop awaits only when it is time. */
  get due(): boolean {
    return performance.now() >= this.#until
  }

  async yield(): Promise<void> {
    await setImmediate()
    this.#until = performance.now() + this.#sliceMs
  }
}
