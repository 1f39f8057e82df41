import { createRequire } from 'node:module'

// kafkajs 2.2.4 looks after requests that wait with a timer it sets again each time it has looked, whether
// or not one waits, and for a moment in the past at that: up to 1,000 times a second for every connection,
// for as long as it is open. Two idle connections took 2 % of a core. Here it looks while there is something
// to look for. (tulios/kafkajs #1751, #1755)

type RequestQueuePrototype = {
  readonly pending: readonly unknown[]
  /** Unix ms; -1 where the broker has not asked for patience. */
  readonly throttledUntil: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  checkPendingRequests(): void
  scheduleCheckPendingRequests(): void
}

const LOOK_MS = 10

/** The class, changed. */
export const RequestQueue: { readonly prototype: RequestQueuePrototype } = createRequire(
  import.meta.url,
)('kafkajs/src/network/requestQueue')

RequestQueue.prototype.scheduleCheckPendingRequests = function schedule(
  this: RequestQueuePrototype,
): void {
  if (this.pending.length === 0 || this.throttleCheckTimeoutId) return
  const waitMs = this.throttledUntil - Date.now()
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null
      this.checkPendingRequests()
    },
    waitMs > 0 ? waitMs : LOOK_MS,
  )
}
