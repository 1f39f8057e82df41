// Where a batch goes once it is in the spool: to a server by HTTP, or to Kafka.

export type PublishResult =
  /** Stored (or already stored): the spool may forget it. */
  | { readonly kind: 'stored' }
  /** Never will be: the spool drops it and counts it under `reason`. */
  | { readonly kind: 'refused'; readonly reason: 'refused' | 'expired'; readonly detail: string }
  /** Its way takes nothing of that size: smaller ones may go. */
  | { readonly kind: 'too_large'; readonly detail: string }
  /** Try again later; `afterMs` when the server said so. */
  | { readonly kind: 'later'; readonly detail: string; readonly afterMs?: number }

export type OutgoingBatch = {
  /** BATCH_HEADERS of infra/contract/batch.ts. */
  readonly headers: Readonly<Record<string, string>>
  /** gzip pprof. */
  readonly body: Uint8Array
}

export interface Publisher {
  publish(batch: OutgoingBatch, signal: AbortSignal): Promise<PublishResult>
  close(): Promise<void>
}
