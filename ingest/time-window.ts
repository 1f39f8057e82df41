import { FlamewatchError } from '../infra/runtime/errors.ts'

// How far from now a profile may lie: a spool survives a week's outage, a clock may be fast.
const LATE_MS = 7 * 86_400_000
const EARLY_MS = 10 * 60_000

/** Why a profile of `timeMs` is not taken at `nowMs`, or null; `out_of_range` tells it from bad input. */
export function findTimeFault(timeMs: number, nowMs: number): FlamewatchError | null {
  if (timeMs >= nowMs - LATE_MS && timeMs <= nowMs + EARLY_MS) return null
  const side = timeMs < nowMs ? 'more than 7 days ago' : 'more than 10 minutes ahead'
  return new FlamewatchError('out_of_range', `The profile is of ${showTime(timeMs)}, ${side}.`, {
    hint: `It is ${showTime(nowMs)} here. Compare the clocks, or give another time.`,
    status: 422,
  })
}

function showTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString()
}
