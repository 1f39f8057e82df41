import { queryCancelled, storeClosed } from './store-error.ts'

type Waiting<T> = { readonly take: (member: T) => void; readonly fail: (error: Error) => void }

/** Members that serve one at a time; who finds none free waits in order. */
export class Lane<T> {
  readonly members: readonly T[]
  readonly #free: T[]
  readonly #waiting = new Set<Waiting<T>>()
  #closed = false

  constructor(members: readonly T[]) {
    this.members = members
    this.#free = [...members]
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Throws `query_cancelled` when `signal` aborts before a member was free. */
  acquire(signal?: AbortSignal): Promise<T> {
    if (this.#closed) return Promise.reject(storeClosed())
    if (signal?.aborted) return Promise.reject(queryCancelled())
    const member = this.#free.pop()
    if (member !== undefined) return Promise.resolve(member)
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#waiting.delete(waiting)
        signal?.removeEventListener('abort', onAbort)
      }
      const onAbort = () => waiting.fail(queryCancelled())
      const waiting: Waiting<T> = {
        take: (free) => {
          settle()
          resolve(free)
        },
        fail: (error) => {
          settle()
          reject(error)
        },
      }
      this.#waiting.add(waiting)
      signal?.addEventListener('abort', onAbort)
    })
  }

  release(member: T): void {
    const [next] = this.#waiting
    if (next) next.take(member)
    else this.#free.push(member)
  }

  /** Nobody gets a member any more; members given out are still released. */
  close(): void {
    this.#closed = true
    for (const waiting of this.#waiting) waiting.fail(storeClosed())
  }
}
