import type { SampleWindow } from '../window.ts'
import type { BatchPart } from './encode-batch.ts'

// What main thread and worker tell each other. The columns of a window and the bodies of a batch are
// handed over, not copied.

export type WorkerSettings = {
  readonly host: string
  readonly symbolCacheBytes: number
  /** Of one part of a batch, before compression. */
  readonly limitBytes: number
  /** One of LOG_LEVELS. */
  readonly logLevel: string
}

export type ToWorker =
  | { readonly kind: 'process'; readonly tgid: number; readonly startTimeNs: bigint }
  | { readonly kind: 'window'; readonly window: SampleWindow }

export type BuiltBatch = {
  readonly parts: readonly BatchPart[]
  /** Naming frames and adding up stacks. */
  readonly symbolizeMs: number
  readonly encodeMs: number
  /** Known at the end of the window. */
  readonly processes: number
  /** What a user must know about these frames, one sentence each. */
  readonly notes: readonly string[]
}

export type FromWorker =
  | { readonly kind: 'batch'; readonly batch: BuiltBatch }
  | { readonly kind: 'failed'; readonly error: Error }

/** The memory of a window's columns. */
export function windowBuffers(window: SampleWindow): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>()
  for (const column of Object.values(window))
    if (ArrayBuffer.isView(column) && column.buffer instanceof ArrayBuffer)
      buffers.add(column.buffer)
  return [...buffers]
}
