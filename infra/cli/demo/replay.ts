import { setTimeout } from 'node:timers/promises'
import type { Log } from '../../runtime/log.ts'
import type { BatchMaker, DemoBatch } from './batches.ts'

// Live windows are as long as a collector's; in the history they are longer, since an hour of it has
// to be written in seconds.
const LIVE_MS = 10_000
const HISTORY_WINDOW_MS = 60_000
// Batches handed over together: the store takes few large blocks faster than many small ones.
const HISTORY_WRITE = 200

export type ReplayOptions = {
  readonly make: BatchMaker
  /** Stores batches, or throws when it cannot now. */
  readonly write: (batches: readonly DemoBatch[]) => Promise<unknown>
  readonly fromMs: number
  /** Unix ms. */
  readonly clock: () => number
  /** Resolves after `ms`, or when aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
  readonly log: Log
}

export type Player = { close(): Promise<void> }

/** Writes the history from `fromMs` until now; resolves when it is there and goes on live. */
export async function replay(options: ReplayOptions): Promise<Player> {
  const { make, write, clock, log, sleep = wait } = options
  const stop = new AbortController()
  let nextMs = ceilTo(options.fromMs, LIVE_MS)

  /** Everything up to `untilMs`, the present excluded, in windows of `windowMs`. */
  async function writeUntil(untilMs: number, windowMs: number): Promise<void> {
    let waiting: DemoBatch[] = []
    while (nextMs + windowMs <= untilMs && !stop.signal.aborted) {
      waiting.push(...(await make(nextMs, nextMs + windowMs)))
      nextMs += windowMs
      if (waiting.length >= HISTORY_WRITE) {
        await write(waiting)
        waiting = []
      }
    }
    if (waiting.length > 0) await write(waiting)
  }

  async function playLive(): Promise<void> {
    while (!stop.signal.aborted) {
      await sleep(Math.max(0, nextMs + LIVE_MS - clock()), stop.signal)
      try {
        await writeUntil(clock(), LIVE_MS)
      } catch (err) {
        // Like a host that was off for a while: nothing is claimed about these windows.
        log.error({ err }, 'write simulated batches')
      }
    }
  }

  await writeUntil(clock(), HISTORY_WINDOW_MS)
  await writeUntil(clock(), LIVE_MS)
  const playing = playLive()
  return {
    async close() {
      stop.abort()
      await playing
    },
  }
}

function ceilTo(timeMs: number, stepMs: number): number {
  return Math.ceil(timeMs / stepMs) * stepMs
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal })
  } catch {
    // Stopped.
  }
}
