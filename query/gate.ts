import { FlamewatchError } from '../infra/runtime/errors.ts'

/**
 * Lets `concurrency` questions in at a time and `queue` wait in order; beyond that a question is
 * refused at once with `overloaded`, 503, retriable. A question whose client went away leaves.
 */
export class Gate {
  readonly #concurrency: number
  readonly #queue: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(options: { readonly concurrency: number; readonly queue: number }) {
    this.#concurrency = options.concurrency
    this.#queue = options.queue
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting.length
  }

  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(signal)
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  #enter(signal: AbortSignal): Promise<void> | undefined {
    if (signal.aborted) throw cancelled()
    if (this.#running < this.#concurrency) {
      this.#running++
      return undefined
    }
    if (this.#waiting.length >= this.#queue)
      throw new FlamewatchError(
        'overloaded',
        `${this.#running} questions are being answered and ${this.#waiting.length} wait.`,
        { hint: 'Ask again in a moment.', status: 503, retriable: true },
      )
    return new Promise((resolve, reject) => {
      const admit = () => {
        signal.removeEventListener('abort', giveUp)
        resolve()
      }
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(admit), 1)
        reject(cancelled())
      }
      signal.addEventListener('abort', giveUp, { once: true })
      this.#waiting.push(admit)
    })
  }

  // The place passes to the next in line, so `running` stays.
  #leave(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#running--
  }
}

function cancelled(): FlamewatchError {
  return new FlamewatchError('query_cancelled', 'The client went away.', { status: 499 })
}
