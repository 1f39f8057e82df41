import type { TopicMessage } from '../kafka/messages.ts'
import { type Tenure, TenureOver } from '../kafka/tenure.ts'

export type Commit = {
  readonly offset: bigint
  readonly metadata: string
  readonly generation: number
}

/** One partition and what its group has committed, as a broker keeps them: for unit tests. */
export class MemoryTopic {
  readonly messages: TopicMessage[] = []
  /** In the order the broker took them. */
  readonly commits: Commit[] = []
  #generation = 0
  #controller = new AbortController()
  #next = 0n

  /** Appends; `gap` offsets are left out before, as by a control record. */
  produce(message: Omit<TopicMessage, 'offset' | 'timestampMs' | 'key'>, gap = 0): void {
    const offset = this.#next + BigInt(gap)
    this.messages.push({ ...message, key: null, offset, timestampMs: 0 })
    this.#next = offset + 1n
  }

  get end(): bigint {
    return this.#next
  }

  get committed(): { readonly offset: bigint; readonly metadata: string } {
    return this.commits.at(-1) ?? { offset: 0n, metadata: '' }
  }

  /** A new generation. Whoever had the tenure before may learn of it (`tell`) or not, as one that is stopped. */
  join(tell: boolean): Tenure {
    if (tell) this.#controller.abort()
    this.#controller = new AbortController()
    const generation = ++this.#generation
    return {
      partition: 3,
      signal: this.#controller.signal,
      commit: async (offset, metadata) => {
        if (generation !== this.#generation) throw new TenureOver()
        this.commits.push({ offset, metadata, generation })
      },
    }
  }
}
