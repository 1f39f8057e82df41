import { toUtc } from '../format-time.ts'
import { change } from '../navigation.ts'
import type { Lanes } from './lanes.ts'

export type Letter = 'A' | 'B'

/** What a brush covers: a version, and times in unix ms. */
export type Span = {
  readonly letter: Letter
  readonly version: string
  readonly from: number
  readonly to: number
}

/** A span in whole steps, inside the range and at least one step long. */
export function spanOf(letter: Letter, version: string, x: number, y: number, lanes: Lanes): Span {
  const snap = (ms: number): number =>
    clampMs(lanes, lanes.fromMs + Math.round((ms - lanes.fromMs) / lanes.stepMs) * lanes.stepMs)
  const from = Math.min(snap(Math.min(x, y)), lanes.toMs - lanes.stepMs)
  return { letter, version, from, to: Math.max(snap(Math.max(x, y)), from + lanes.stepMs) }
}

export function clampMs(lanes: Lanes, ms: number): number {
  return Math.min(lanes.toMs, Math.max(lanes.fromMs, ms))
}

/** Puts a span into the address. */
export function commitSpan(span: Span): void {
  const choice = { version: span.version, from: toUtc(span.from), to: toUtc(span.to) }
  change(span.letter === 'A' ? { a: choice } : { b: choice })
}

/** Follows a pointer until it is let go of. */
export function trackDrag(
  move: (event: PointerEvent) => void,
  end: (event: PointerEvent) => void,
): void {
  const until = new AbortController()
  const options = { signal: until.signal }
  window.addEventListener('pointermove', move, options)
  const finish = (event: PointerEvent): void => {
    until.abort()
    end(event)
  }
  window.addEventListener('pointerup', finish, options)
  window.addEventListener('pointercancel', finish, options)
}
