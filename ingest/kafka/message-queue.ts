import type { TopicMessage } from './messages.ts'

export type QueueLimits = {
  /** What is taken together at most, one message being more by itself. */
  readonly bytes: number
  readonly messages: number
  /** How long the first message waits for others. */
  readonly lingerMs: number
}

// With that many groups waiting, fetching more would only take memory.
const FULL_GROUPS = 2

/** Messages of one partition, in order, from the fetcher to whoever stores them. */
export class MessageQueue {
  readonly #limits: QueueLimits
  readonly #onRoom: () => void
  #messages: TopicMessage[] = []
  #bytes = 0
  #firstMs = 0
  #waiting = false
  #closed = false
  #wake: () => void = () => {}

  /** `onRoom` is called when there may be room again. */
  constructor(limits: QueueLimits, onRoom: () => void = () => {}) {
    this.#limits = limits
    this.#onRoom = onRoom
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0
  }

  /** Whether fetching should pause. Never while a taker waits: what it waits for must come. */
  get isFull(): boolean {
    return !this.#waiting && this.#bytes >= this.#limits.bytes * FULL_GROUPS
  }

  add(messages: readonly TopicMessage[]): void {
    if (messages.length === 0 || this.#closed) return
    if (this.isEmpty) this.#firstMs = performance.now()
    for (const message of messages) {
      this.#messages.push(message)
      this.#bytes += sizeOf(message)
    }
    this.#wake()
  }

  /** A group: as many as the limits allow, when there are so many or the first has waited. Null when closed. */
  async take(): Promise<readonly TopicMessage[] | null> {
    for (;;) {
      if (this.#closed) return null
      const count = this.#groupSize()
      const waitedMs = performance.now() - this.#firstMs
      if (count > 0 && (this.#isWhole(count) || waitedMs >= this.#limits.lingerMs))
        return this.#shift(count)
      await this.#change(count > 0 ? this.#limits.lingerMs - waitedMs : null)
    }
  }

  /** All up to `hi`, once it is certain that no other is to come. Null when closed before. */
  async takeThrough(hi: bigint): Promise<readonly TopicMessage[] | null> {
    for (;;) {
      if (this.#closed) return null
      const beyond = this.#messages.findIndex(({ offset }) => offset > hi)
      if (beyond >= 0) return this.#shift(beyond)
      if (this.#messages.at(-1)?.offset === hi) return this.#shift(this.#messages.length)
      await this.#change(null)
    }
  }

  /** Nothing is taken any more. */
  close(): void {
    this.#closed = true
    this.#messages = []
    this.#bytes = 0
    this.#wake()
  }

  #groupSize(): number {
    const { bytes, messages } = this.#limits
    let size = 0
    let count = 0
    for (const message of this.#messages) {
      size += sizeOf(message)
      if (count > 0 && (size > bytes || count >= messages)) break
      count++
    }
    return count
  }

  #isWhole(count: number): boolean {
    const { bytes, messages } = this.#limits
    return count < this.#messages.length || count >= messages || this.#bytes >= bytes
  }

  #shift(count: number): readonly TopicMessage[] {
    const taken = this.#messages.slice(0, count)
    this.#messages = this.#messages.slice(count)
    for (const message of taken) this.#bytes -= sizeOf(message)
    this.#onRoom()
    return taken
  }

  async #change(afterMs: number | null): Promise<void> {
    this.#waiting = true
    this.#onRoom()
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      if (afterMs !== null) timer = setTimeout(resolve, Math.max(1, afterMs))
    })
    clearTimeout(timer)
    this.#wake = () => {}
    this.#waiting = false
  }
}

function sizeOf({ value }: TopicMessage): number {
  // Headers and object besides.
  return (value?.length ?? 0) + 1_000
}
