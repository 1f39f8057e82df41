import type { Log } from '../../../infra/runtime/log.ts'
import type { SampleKind } from '../../window.ts'
import type { BpfObject } from '../libbpf.ts'
import { cpuClock } from './cpu-clock.ts'
import type { AttachedSource, SampleSource } from './source.ts'

export type SourceSetOptions = {
  readonly object: BpfObject
  readonly frequencyHz: number
  readonly beside: readonly SampleSource[]
  readonly log: Log
}

/** The CPU clock and all sources beside it, from attach() to close(). */
export class SourceSet {
  readonly #options: SourceSetOptions
  readonly #beside: AttachedSource[] = []
  #clock: AttachedSource | null = null
  #isOpen = false
  #frequencyHz: number
  #nextFrequencyHz: number | null = null

  constructor(options: SourceSetOptions) {
    this.#options = options
    this.#frequencyHz = options.frequencyHz
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Samples per second and CPU. */
  get frequencyHz(): number {
    return this.#frequencyHz
  }

  /** Of the sources beside the clock, by their numbers. */
  get kinds(): ReadonlyMap<number, SampleKind> {
    return new Map(this.#options.beside.map(({ number, kind }) => [number, kind]))
  }

  /** Throws what a source throws that cannot be had; close() it then. */
  attach(): void {
    const { beside, object, log } = this.#options
    this.#isOpen = true
    this.#clock = cpuClock(this.#frequencyHz, log).attach(object)
    for (const source of beside) this.#beside.push(source.attach(object))
  }

  /** Once per window. */
  follow(): void {
    this.#clock?.follow()
    for (const source of this.#beside) source.follow()
  }

  /** From the next window on. */
  setFrequency(hertz: number): void {
    this.#nextFrequencyHz = hertz
  }

  /** Runs `drain`. A window has one frequency: where it is to change, the clock stands still meanwhile. */
  async betweenWindows<T>(drain: () => Promise<T>): Promise<T> {
    if (this.#nextFrequencyHz === null) return drain()
    this.#clock?.close()
    this.#clock = null
    try {
      return await drain()
    } finally {
      if (this.#isOpen) this.#retune(this.#nextFrequencyHz)
    }
  }

  close(): void {
    this.#isOpen = false
    this.#clock?.close()
    this.#clock = null
    for (const source of this.#beside.splice(0)) source.close()
  }

  /** What does not work now is tried again after the next window. */
  #retune(hertz: number): void {
    const { object, log } = this.#options
    try {
      this.#clock = cpuClock(hertz, log).attach(object)
      this.#frequencyHz = hertz
      this.#nextFrequencyHz = null
    } catch (err) {
      log.error({ err, hertz }, 'change frequency')
    }
  }
}
