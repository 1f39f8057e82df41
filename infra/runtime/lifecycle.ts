import type { Log } from './log.ts'

export type Closable = { close(): Promise<void> | void }

const SAME_SIGNAL_MS = 500

/**
 * Closes what was opened, in reverse order, once. SIGINT and SIGTERM call it; a second signal or
 * `graceMs` ends the process at once.
 */
export class Lifecycle {
  readonly #parts: { name: string; part: Closable }[] = []
  readonly #log: Log
  #closing: Promise<void> | undefined

  constructor(log: Log) {
    this.#log = log
  }

  add<T extends Closable>(name: string, part: T): T {
    this.#parts.push({ name, part })
    return part
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  async #closeAll(): Promise<void> {
    for (const { name, part } of this.#parts.toReversed()) {
      try {
        await part.close()
      } catch (err) {
        this.#log.error({ err, part: name }, 'close part')
      }
    }
  }

  /** Resolves when a signal has asked for the end and every part is closed. */
  untilSignal(graceMs = 15_000): Promise<void> {
    return new Promise((resolve) => {
      let firstMs: number | undefined
      const onSignal = (signal: NodeJS.Signals) => {
        const nowMs = performance.now()
        if (firstMs !== undefined) {
          // npm hands on what the terminal has already sent to its whole process group: one Ctrl-C
          // comes as two signals within milliseconds.
          if (nowMs - firstMs > SAME_SIGNAL_MS) process.kill(process.pid, 'SIGKILL')
          return
        }
        firstMs = nowMs
        this.#log.info({ signal }, 'stopping')
        setTimeout(() => process.kill(process.pid, 'SIGKILL'), graceMs).unref()
        void this.close().then(resolve)
      }
      process.on('SIGINT', onSignal)
      process.on('SIGTERM', onSignal)
    })
  }
}
