import { Worker } from 'node:worker_threads'
import type { Log } from '../../infra/runtime/log.ts'
import type { CacheBudget } from '../ceilings.ts'
import type { ProgramRun, UnwindFds } from '../kernel/unwind-layout.ts'
import { BoundedMap } from '../process/bounded-map.ts'
import type { SampleWindow } from '../window.ts'
import type { BuiltBatch, FromWorker, ToWorker, WorkerSettings } from './worker-messages.ts'
import { windowBuffers } from './worker-messages.ts'

type Build = PromiseWithResolvers<BuiltBatch>

const SCRIPT = new URL('./worker.ts', import.meta.url)
// What symbol tables and frames take is bounded by the cache; the rest is the window at hand.
const HEAP_BESIDE_CACHE_MB = 192
// What the process takes without the worker's heap, and the least with which a window can be built.
const BESIDE_HEAP_MB = 96
const LEAST_HEAP_MB = 64
const MB = 1 << 20
// A window leaves little behind. With the default of 48 MB, 20 MB more were in memory at rest.
const YOUNG_HEAP_MB = 8
// As many as have an entry in the kernel.
const MOST_RUNS = 4096

/**
 * The worker thread as the main thread sees it. When it ends, what it was building is rejected with the
 * reason; the next window starts another.
 */
export class BatchWorker {
  #settings: WorkerSettings
  readonly #log: Log
  readonly #script: URL
  #worker: Worker | null
  #build: Build | null = null
  #unwindFds: UnwindFds | null = null
  // The kernel tells of a process once: a thread started later must know, too.
  readonly #runs = new BoundedMap<string, ProgramRun>(MOST_RUNS)
  #closing: PromiseWithResolvers<void> | null = null

  /** `script` is another one in tests only. */
  constructor(settings: WorkerSettings, log: Log, script: URL = SCRIPT) {
    this.#settings = settings
    this.#log = log
    this.#script = script
    this.#worker = this.#start()
  }

  /** User stacks are walked by tables, which the worker makes; before see(). */
  unwindBy(fds: UnwindFds): void {
    this.#unwindFds = fds
    this.#tell({ kind: 'unwind', fds })
  }

  /** A process at its first sample or, `isUnknownAddress`, in code that was not mapped before. */
  see(run: ProgramRun, isUnknownAddress = false): void {
    const { tgid, startTimeNs, program } = run
    if (this.#unwindFds) this.#runs.set(`${tgid}:${startTimeNs}`, run)
    this.#tell({ kind: 'process', tgid, startTimeNs, program, isUnknownAddress })
  }

  /** What it may keep from window to window, from now on. */
  keepWithin(budget: CacheBudget): void {
    this.#settings = { ...this.#settings, ...budget }
    this.#tell({ kind: 'budget', budget })
  }

  /** One window at a time. The window's columns are gone from this thread afterwards. */
  build(window: SampleWindow): Promise<BuiltBatch> {
    if (this.#build) throw new Error('The worker has a window already.')
    const build = Promise.withResolvers<BuiltBatch>()
    this.#build = build
    this.#worker ??= this.#start()
    const message = { kind: 'window', window } satisfies ToWorker
    this.#worker.postMessage(message, windowBuffers(window))
    return build.promise
  }

  /** Before the kernel's maps are closed: the worker may be at them. */
  async close(): Promise<void> {
    const worker = this.#worker
    if (worker && this.#unwindFds) {
      this.#closing = Promise.withResolvers()
      this.#tell({ kind: 'close' })
      await this.#closing.promise
    }
    this.#worker = null
    await worker?.terminate()
  }

  #tell(message: ToWorker): void {
    this.#worker?.postMessage(message)
  }

  #start(): Worker {
    const { symbolCacheBytes, maxMemoryBytes = Number.POSITIVE_INFINITY } = this.#settings
    // A thread that needs more than this ends, its window is counted as lost, and another begins.
    const maxOldGenerationSizeMb = Math.min(
      HEAP_BESIDE_CACHE_MB + Math.ceil(symbolCacheBytes / MB),
      Math.max(LEAST_HEAP_MB, Math.floor(maxMemoryBytes / MB) - BESIDE_HEAP_MB),
    )
    const worker = new Worker(this.#script, {
      workerData: this.#settings,
      resourceLimits: { maxOldGenerationSizeMb, maxYoungGenerationSizeMb: YOUNG_HEAP_MB },
    })
    let reason: Error | null = null
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'batch') this.#take()?.resolve(message.batch)
      else if (message.kind === 'closed') this.#closing?.resolve()
      else this.#take()?.reject(message.error)
    })
    worker.on('error', (error: Error) => {
      reason = error
    })
    worker.on('exit', (code) => {
      this.#closing?.resolve()
      if (this.#worker !== worker) return
      this.#worker = null
      const error = reason ?? new Error(`The worker thread ended with exit code ${code}.`)
      this.#log.error({ err: error }, 'worker thread ended')
      this.#take()?.reject(error)
    })
    const fds = this.#unwindFds
    if (fds) {
      worker.postMessage({ kind: 'unwind', fds } satisfies ToWorker)
      for (const [, run] of this.#runs)
        worker.postMessage({ kind: 'process', isUnknownAddress: false, ...run } satisfies ToWorker)
    }
    return worker
  }

  #take(): Build | null {
    const build = this.#build
    this.#build = null
    return build
  }
}
