import type { CacheBudget } from '../ceilings.ts'
import type { ProgramRun, UnwindFds } from '../kernel/unwind-layout.ts'
import type { LineTool } from '../symbolize/lines/line-tool.ts'
import type { LineStats } from '../symbolize/lines/source-lines.ts'
import type { UnwinderStats } from '../unwind/unwinder.ts'
import type { SampleWindow } from '../window.ts'
import type { BatchPart, PartLimits } from './encode-batch.ts'

// What main thread and worker tell each other. The columns of a window and the bodies of a batch are
// handed over, not copied.

export type WorkerSettings = CacheBudget & {
  /** Of the whole collector: the heap of the worker is bounded by it where it is given. */
  readonly maxMemoryBytes?: number
  readonly host: string
  /** Where the file system of the host is mounted; undefined to find it. */
  readonly hostRoot: string | undefined
  /** What reads source lines from debug information, where anything does. */
  readonly lineTool?: LineTool | null
  /** Of one part of a batch. */
  readonly limits: PartLimits
  /** One of LOG_LEVELS. */
  readonly logLevel: string
}

export type ToWorker =
  /** `isUnknownAddress`: it was seen before, and now runs code outside its known mappings. */
  | ({ readonly kind: 'process'; readonly isUnknownAddress: boolean } & ProgramRun)
  /** User stacks are walked by tables, which the worker makes. Comes before any process. */
  | { readonly kind: 'unwind'; readonly fds: UnwindFds }
  | { readonly kind: 'budget'; readonly budget: CacheBudget }
  /** The kernel's maps will be closed. */
  | { readonly kind: 'close' }
  | { readonly kind: 'window'; readonly window: SampleWindow }

/** Symbols of files, of JIT compilers' maps, of the kernel. */
export const CACHES = ['files', 'jit', 'kernel'] as const
export type CacheName = (typeof CACHES)[number]

export type BuiltBatch = {
  readonly parts: readonly BatchPart[]
  /** Naming frames and adding up stacks. */
  readonly symbolizeMs: number
  readonly encodeMs: number
  /** Known at the end of the window. */
  readonly processes: number
  /** Side-band records the kernel had no room for, since the start. */
  readonly recordsLost: number
  /** Memory of what is kept from window to window. */
  readonly cacheBytes: Readonly<Record<CacheName, number>>
  /** What a user must know about these frames, one sentence each. */
  readonly notes: readonly string[]
  /** Where lines are read from debug information. */
  readonly lines?: LineStats
  /** Where user stacks are walked by tables. */
  readonly unwind?: UnwinderStats
}

export type FromWorker =
  | { readonly kind: 'batch'; readonly batch: BuiltBatch }
  | { readonly kind: 'failed'; readonly error: Error }
  | { readonly kind: 'closed' }

/** The memory of a window's columns. */
export function windowBuffers(window: SampleWindow): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>()
  for (const rows of [window, ...(window.beside ?? [])])
    for (const column of Object.values(rows))
      if (ArrayBuffer.isView(column) && column.buffer instanceof ArrayBuffer)
        buffers.add(column.buffer)
  return [...buffers]
}
