import { Governor } from './governor.ts'

// The collector is a guest: it holds itself below what its host gives it. Memory is what it keeps in
// its own process and in the kernel; its caches are cut first, then it samples half as often, and half of
// that. Processor time goes by the samples alone.

export type CacheBudget = {
  readonly symbolCacheBytes: number
  readonly unwindTableBytes: number
}

export type CeilingOptions = CacheBudget & {
  readonly maxMemoryBytes: number
  /** Of one core. */
  readonly maxCpuPercent: number
  readonly frequencyHz: number
  readonly windowMs: number
}

export type Usage = {
  /** Resident, with the BPF maps and unwind tables. */
  readonly memoryBytes: number
  /** Of one core, over the window. */
  readonly cpuPercent: number
}

/** What the collector may take now. */
export type Allowance = {
  readonly budget: CacheBudget
  readonly frequencyHz: number
  /** 0 where it is held back in nothing. */
  readonly steps: { readonly memory: number; readonly cpu: number }
  /** What a user must know of it, one sentence each. */
  readonly notes: readonly string[]
}

const CACHE_STEPS = 3
// Below these a window's own symbols and tables would be read and made again in each.
const LEAST_SYMBOL_BYTES = 2 << 20
const LEAST_TABLE_BYTES = 4 << 20
// A start makes tables of every file at once: some seconds of work that pass.
const CPU_MEAN_MS = 30_000
const CALM_MS = 60_000

export class Ceilings {
  readonly #options: CeilingOptions
  readonly #memory: Governor
  readonly #cpu: Governor

  constructor(options: CeilingOptions) {
    const { frequencyHz, windowMs } = options
    this.#options = options
    const halvings = Math.floor(Math.log2(frequencyHz))
    const calmWindows = Math.ceil(CALM_MS / windowMs)
    this.#memory = new Governor({
      ...{ mostSteps: CACHE_STEPS + halvings, overWindows: 1, calmWindows, calmShare: 0.85 },
    })
    this.#cpu = new Governor({
      ...{ mostSteps: halvings, overWindows: Math.ceil(CPU_MEAN_MS / windowMs), calmWindows },
      // Twice the samples are at most twice the work.
      calmShare: 0.4,
    })
  }

  /** After each window; the answer holds for the next. */
  next({ memoryBytes, cpuPercent }: Usage): Allowance {
    const { maxMemoryBytes, maxCpuPercent } = this.#options
    this.#memory.next(memoryBytes / maxMemoryBytes)
    this.#cpu.next(cpuPercent / maxCpuPercent)
    return this.allowance()
  }

  allowance(): Allowance {
    const { frequencyHz, symbolCacheBytes, unwindTableBytes } = this.#options
    const steps = { memory: this.#memory.step, cpu: this.#cpu.step }
    const cut = Math.min(steps.memory, CACHE_STEPS)
    const cutTo = (bytes: number, least: number) =>
      Math.min(bytes, Math.max(least, Math.floor(bytes / 2 ** cut)))
    const halvings = Math.max(steps.memory - CACHE_STEPS, steps.cpu, 0)
    return {
      budget: {
        symbolCacheBytes: cutTo(symbolCacheBytes, LEAST_SYMBOL_BYTES),
        unwindTableBytes: cutTo(unwindTableBytes, LEAST_TABLE_BYTES),
      },
      frequencyHz: Math.max(1, Math.floor(frequencyHz / 2 ** halvings)),
      steps,
      notes: this.#explain(cut, halvings),
    }
  }

  #explain(cut: number, halvings: number): string[] {
    const { frequencyHz, maxMemoryBytes, maxCpuPercent } = this.#options
    const memory = `--max-memory (${Math.round(maxMemoryBytes / 1e6)} MB)`
    const isMemory = halvings === this.#memory.step - CACHE_STEPS
    const ceiling = isMemory ? memory : `--max-cpu (${maxCpuPercent} % of a core)`
    const notes: string[] = []
    if (cut > 0)
      notes.push(
        `The collector keeps 1/${2 ** cut} of its symbols and unwind tables to stay below ${memory}.`,
      )
    if (halvings > 0)
      notes.push(
        `Samples are taken at 1/${2 ** halvings} of ${frequencyHz} Hz for the collector to stay below ${ceiling}.`,
      )
    return notes
  }
}
