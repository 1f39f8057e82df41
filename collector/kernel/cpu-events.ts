// Keeps one sampling event on every online CPU while CPUs come and go.

export type CpuEvent = {
  /**
   * Nanoseconds the event has been running, or null when it cannot be read. It stands still for ever
   * once its CPU was offline, also after the CPU came back.
   */
  runningNs(): bigint | null
  close(): void
}

export type CpuSource = {
  online(): readonly number[]
  /** Null when the CPU went away meanwhile. */
  open(cpu: number): CpuEvent | null
}

export type CpuChanges = {
  readonly added: readonly number[]
  readonly removed: readonly number[]
  /** Went and came back since the last look. */
  readonly reopened: readonly number[]
}

export class CpuEvents {
  readonly #source: CpuSource
  readonly #events = new Map<number, { event: CpuEvent; runningNs: bigint | null }>()

  constructor(source: CpuSource) {
    this.#source = source
  }

  get size(): number {
    return this.#events.size
  }

  /** Call once per window. Throws what opening an event throws; the rest is then as it was. */
  rescan(): CpuChanges {
    const online = new Set(this.#source.online())
    const added: number[] = []
    const removed: number[] = []
    const reopened: number[] = []
    for (const cpu of this.#events.keys()) if (!online.has(cpu)) removed.push(cpu)
    for (const cpu of removed) this.#close(cpu)
    for (const cpu of online) {
      const known = this.#events.get(cpu)
      if (!known) {
        if (this.#open(cpu)) added.push(cpu)
        continue
      }
      const runningNs = known.event.runningNs()
      if (runningNs === null || runningNs === known.runningNs) {
        this.#close(cpu)
        if (this.#open(cpu)) reopened.push(cpu)
      } else known.runningNs = runningNs
    }
    return { added, removed, reopened }
  }

  close(): void {
    for (const cpu of [...this.#events.keys()]) this.#close(cpu)
  }

  #open(cpu: number): boolean {
    const event = this.#source.open(cpu)
    if (!event) return false
    // Not read at once: it may not have advanced by the next look then.
    this.#events.set(cpu, { event, runningNs: -1n })
    return true
  }

  #close(cpu: number): void {
    this.#events.get(cpu)?.event.close()
    this.#events.delete(cpu)
  }
}
