import { Worker } from 'node:worker_threads'
import { FlamewatchError } from '../infra/runtime/errors.ts'
import type { Log } from '../infra/runtime/log.ts'
import type { ProfileLimits } from './limits.ts'
import type { ProfileFault } from './pprof/fault.ts'
import type { ScannedProfile } from './pprof/profile.ts'
import type { ScanAnswer, ScanRequest } from './scan-worker.ts'

export type ScanPoolOptions = {
  readonly workers: number
  readonly limits: ProfileLimits
  /** A scan that takes longer is given up: its thread is ended and a new one started. */
  readonly timeoutMs: number
  readonly log: Log
  readonly observe?: (answer: ScanAnswer) => void
  /** For tests. */
  readonly workerFile?: URL
}

export type Scanner = Pick<ScanPool, 'scan'>

type Job = {
  readonly body: Uint8Array<ArrayBuffer>
  readonly resolve: (result: ScannedProfile | ProfileFault) => void
  readonly reject: (error: Error) => void
}

const WORKER_FILE = new URL('./scan-worker.ts', import.meta.url)

/**
 * Inflates and scans bodies on threads of their own, so that the event loop stays free. A thread
 * has one body at a time: whatever a body does to its thread, no other request is hurt.
 */
export class ScanPool {
  readonly #queue: Job[] = []
  readonly #threads: ScanThread[]
  #closed = false

  constructor(options: ScanPoolOptions) {
    this.#threads = Array.from(
      { length: options.workers },
      () => new ScanThread(options, () => this.#next()),
    )
  }

  /** Copies the body: the caller may keep it. Rejects with `internal` when the thread broke. */
  scan(body: Uint8Array): Promise<ScannedProfile | ProfileFault> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(stopping())
      this.#queue.push({ body: new Uint8Array(body), resolve, reject })
      this.#next()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const job of this.#queue.splice(0)) job.reject(stopping())
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }

  #next(): void {
    while (this.#queue.length > 0) {
      const idle = this.#threads.find((thread) => !thread.busy)
      if (!idle) return
      idle.run(this.#queue.shift() as Job)
    }
  }
}

class ScanThread {
  readonly #options: ScanPoolOptions
  readonly #onIdle: () => void
  #worker: Worker | null = null
  #job: Job | null = null
  #timer: NodeJS.Timeout | undefined

  constructor(options: ScanPoolOptions, onIdle: () => void) {
    this.#options = options
    this.#onIdle = onIdle
  }

  get busy(): boolean {
    return this.#job !== null
  }

  run(job: Job): void {
    this.#job = job
    this.#worker ??= this.#start()
    this.#worker.ref()
    this.#timer = setTimeout(() => this.#giveUp('too slow'), this.#options.timeoutMs)
    const request: ScanRequest = { body: job.body, limits: this.#options.limits }
    this.#worker.postMessage(request, [job.body.buffer])
  }

  async close(): Promise<void> {
    const worker = this.#worker
    this.#fail(stopping())
    await worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(this.#options.workerFile ?? WORKER_FILE)
    worker.on('message', (answer: ScanAnswer) => {
      if (this.#worker !== worker) return
      this.#options.observe?.(answer)
      const job = this.#end()
      // An idle thread must not keep the process alive.
      worker.unref()
      job?.resolve(answer.result)
      this.#onIdle()
    })
    worker.on('error', (err) => {
      if (this.#worker !== worker) return
      this.#options.log.error({ err }, 'scan thread broke')
      this.#giveUp('broken')
    })
    worker.on('exit', () => {
      if (this.#worker === worker) this.#giveUp('ended')
    })
    return worker
  }

  #giveUp(why: string): void {
    const worker = this.#worker
    this.#fail(
      new FlamewatchError('internal', `The thread that scanned this profile was ${why}.`, {
        hint: 'Other profiles are not affected. Send a smaller profile.',
        status: 500,
      }),
    )
    void worker?.terminate()
    this.#onIdle()
  }

  #fail(error: Error): void {
    this.#worker = null
    this.#end()?.reject(error)
  }

  #end(): Job | null {
    clearTimeout(this.#timer)
    const job = this.#job
    this.#job = null
    return job
  }
}

function stopping(): FlamewatchError {
  return new FlamewatchError('store_unavailable', 'The server is stopping.', {
    retriable: true,
    status: 503,
  })
}
