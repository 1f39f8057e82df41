import type { ChildProcess } from 'node:child_process'
import type { Log } from '../runtime/log.ts'

// The collector runs in a process of its own: it holds the kernel's maps and many symbols but never
// the store, and what ends it does not end the server.

export type CollectorState = {
  readonly state: 'starting' | 'sampling' | 'failed' | 'stopped'
  /** Why it does not sample. */
  readonly message?: string
  /** What to do about it. */
  readonly hint?: string
}

/** What it is asked over IPC, and answers as CollectorMetricsReport. */
export const ASK_METRICS = 'metrics'
export type CollectorMetricsReport = { readonly metrics: string }

/** What the collector's process says over IPC; `final`: it may not sample here and has ended. */
export type CollectorReport = CollectorState & { readonly final?: boolean }

export type CollectorProcess = {
  state(): CollectorState
  /** Its metrics as text; empty when it is not there or does not answer within a second. */
  metrics(): Promise<string>
  /** Lets it flush its last window and waits for its end; a second call waits too. */
  close(): Promise<void>
}

export type SuperviseOptions = {
  /** Starts `flamewatch collect` with an IPC channel on which it sends CollectorReport. */
  readonly start: () => ChildProcess
  readonly log: Log
  /** Called on every change. */
  readonly onState: (state: CollectorState) => void
  readonly setTimeout?: (run: () => void, ms: number) => { unref(): unknown }
}

const FIRST_BACKOFF_MS = 1_000
const LAST_BACKOFF_MS = 60_000
// Sending the last window takes a second or two; the server behind it is still up.
const CLOSE_MS = 10_000
const METRICS_MS = 1_000

/**
 * Keeps a collector running: one that crashes is started again, at first after a second, then after
 * twice the last wait, at most a minute; one that failed for good stays down.
 */
export function superviseCollector(options: SuperviseOptions): CollectorProcess {
  const { start, log, onState, setTimeout: schedule = setTimeout } = options
  let current: CollectorState = { state: 'starting' }
  let child: ChildProcess | null = null
  let backoffMs = FIRST_BACKOFF_MS
  let failedForGood = false
  let closing: Promise<void> | undefined

  function become(next: CollectorState): void {
    current = next
    onState(next)
  }

  function launch(): void {
    if (closing) return
    const started = start()
    child = started
    become({ state: 'starting' })
    started.on('message', (message: unknown) => {
      if (!isReport(message)) return
      const { final = false, ...state } = message
      failedForGood = final
      if (state.state === 'sampling') backoffMs = FIRST_BACKOFF_MS
      become(state)
    })
    started.on('error', (err) => log.error({ err }, 'start collector'))
    started.once('exit', onExit)
  }

  function onExit(code: number | null, signal: NodeJS.Signals | null): void {
    child = null
    if (closing) become({ state: 'stopped' })
    else if (!failedForGood) startAgain(code, signal)
  }

  function startAgain(code: number | null, signal: NodeJS.Signals | null): void {
    const ended = signal ? `was ended by ${signal}` : `ended with exit code ${code}`
    log.error({ code, signal, backoffMs }, 'collector ended')
    become({
      state: 'stopped',
      message: `The collector ${ended}; it starts again in ${backoffMs / 1000} s.`,
    })
    schedule(launch, backoffMs).unref()
    backoffMs = Math.min(backoffMs * 2, LAST_BACKOFF_MS)
  }

  function end(): Promise<void> {
    const ending = child
    if (!ending) return Promise.resolve()
    return new Promise((resolve) => {
      const kill = setTimeout(() => ending.kill('SIGKILL'), CLOSE_MS)
      ending.once('exit', () => {
        clearTimeout(kill)
        resolve()
      })
      ending.kill('SIGTERM')
    })
  }

  function metrics(): Promise<string> {
    const asked = child
    if (!asked?.connected) return Promise.resolve('')
    return new Promise((resolve) => {
      const onMessage = (message: unknown) => {
        if (isMetricsReport(message)) finish(message.metrics)
      }
      const onGone = () => finish('')
      const timer = setTimeout(onGone, METRICS_MS)
      const finish = (text: string) => {
        clearTimeout(timer)
        asked.off('message', onMessage)
        asked.off('exit', onGone)
        resolve(text)
      }
      asked.on('message', onMessage)
      asked.once('exit', onGone)
      asked.send(ASK_METRICS, () => undefined)
    })
  }

  function close(): Promise<void> {
    closing ??= end()
    return closing
  }

  launch()
  return { state: () => current, metrics, close }
}

function isReport(message: unknown): message is CollectorReport {
  if (typeof message !== 'object' || message === null || !('state' in message)) return false
  return ['starting', 'sampling', 'failed', 'stopped'].includes(message.state as string)
}

function isMetricsReport(message: unknown): message is CollectorMetricsReport {
  if (typeof message !== 'object' || message === null || !('metrics' in message)) return false
  return typeof message.metrics === 'string'
}
