import { Worker } from 'node:worker_threads'
import type { Log } from '../../infra/runtime/log.ts'
import type { ProcessKey } from '../process/process-table.ts'
import type { SampleWindow } from '../window.ts'
import type { BuiltBatch, FromWorker, ToWorker, WorkerSettings } from './worker-messages.ts'
import { windowBuffers } from './worker-messages.ts'

type Build = PromiseWithResolvers<BuiltBatch>

const SCRIPT = new URL('./worker.ts', import.meta.url)
// What symbol tables and frames take is bounded by the cache; the rest is the window at hand.
const HEAP_BESIDE_CACHE_MB = 192
// A window leaves little behind. With the default of 48 MB, 20 MB more were in memory at rest.
const YOUNG_HEAP_MB = 8

/**
 * The worker thread as the main thread sees it. When it ends, what it was building is rejected with the
 * reason; the next window starts another.
 */
export class BatchWorker {
  readonly #settings: WorkerSettings
  readonly #log: Log
  readonly #script: URL
  #worker: Worker | null
  #build: Build | null = null

  /** `script` is another one in tests only. */
  constructor(settings: WorkerSettings, log: Log, script: URL = SCRIPT) {
    this.#settings = settings
    this.#log = log
    this.#script = script
    this.#worker = this.#start()
  }

  see({ tgid, startTimeNs }: ProcessKey): void {
    this.#worker?.postMessage({ kind: 'process', tgid, startTimeNs } satisfies ToWorker)
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

  async close(): Promise<void> {
    const worker = this.#worker
    this.#worker = null
    await worker?.terminate()
  }

  #start(): Worker {
    const maxOldGenerationSizeMb =
      HEAP_BESIDE_CACHE_MB + Math.ceil(this.#settings.symbolCacheBytes / 1024 / 1024)
    const worker = new Worker(this.#script, {
      workerData: this.#settings,
      resourceLimits: { maxOldGenerationSizeMb, maxYoungGenerationSizeMb: YOUNG_HEAP_MB },
    })
    let reason: Error | null = null
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'batch') this.#take()?.resolve(message.batch)
      else this.#take()?.reject(message.error)
    })
    worker.on('error', (error: Error) => {
      reason = error
    })
    worker.on('exit', (code) => {
      if (this.#worker !== worker) return
      this.#worker = null
      const error = reason ?? new Error(`The worker thread ended with exit code ${code}.`)
      this.#log.error({ err: error }, 'worker thread ended')
      this.#take()?.reject(error)
    })
    return worker
  }

  #take(): Build | null {
    const build = this.#build
    this.#build = null
    return build
  }
}
