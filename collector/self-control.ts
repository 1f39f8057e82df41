import type { Log } from '../infra/runtime/log.ts'
import type { Allowance, CacheBudget, CeilingOptions, Usage } from './ceilings.ts'
import { Ceilings } from './ceilings.ts'

export type SelfControlOptions = CeilingOptions & {
  readonly log: Log
  /** Memory of the collector in the kernel. */
  readonly kernelBytes: () => number
  /** Holds from the next window on. */
  readonly setFrequency: (hertz: number) => void
  readonly setBudget: (budget: CacheBudget) => void
  readonly show: (usage: Usage, allowance: Allowance) => void
  /** What the process takes; others in tests only. */
  readonly measure?: () => Measurement
}

export type Measurement = {
  readonly residentBytes: number
  /** Since the start of the process. */
  readonly cpuMs: number
  /** On any clock that goes on. */
  readonly nowMs: number
}

/** Measures what this process takes, once per window, and takes less where it is too much. */
export class SelfControl {
  readonly #options: SelfControlOptions
  readonly #ceilings: Ceilings
  readonly #measure: () => Measurement
  #before: Measurement
  #allowance: Allowance

  constructor(options: SelfControlOptions) {
    this.#options = options
    this.#ceilings = new Ceilings(options)
    this.#measure = options.measure ?? measureProcess
    this.#before = this.#measure()
    this.#allowance = this.#ceilings.allowance()
  }

  /** What a user must know of it, one sentence each. */
  notes(): readonly string[] {
    return this.#allowance.notes
  }

  endWindow(): void {
    const { kernelBytes, setBudget, setFrequency, show, log } = this.#options
    const before = this.#before
    const now = this.#measure()
    this.#before = now
    const usage = {
      memoryBytes: now.residentBytes + kernelBytes(),
      cpuPercent: (100 * (now.cpuMs - before.cpuMs)) / Math.max(1, now.nowMs - before.nowMs),
    }
    const last = this.#allowance
    const next = this.#ceilings.next(usage)
    this.#allowance = next
    show(usage, next)
    if (next.steps.memory === last.steps.memory && next.steps.cpu === last.steps.cpu) return
    const { frequencyHz, budget } = next
    log.warn({ ...usage, ...budget, frequencyHz, ...next.steps }, 'ceiling changed what is taken')
    if (frequencyHz !== last.frequencyHz) setFrequency(frequencyHz)
    if (budget.symbolCacheBytes !== last.budget.symbolCacheBytes) setBudget(budget)
    else if (budget.unwindTableBytes !== last.budget.unwindTableBytes) setBudget(budget)
  }
}

function measureProcess(): Measurement {
  const { user, system } = process.cpuUsage()
  return {
    residentBytes: process.memoryUsage.rss(),
    cpuMs: (user + system) / 1000,
    nowMs: performance.now(),
  }
}
