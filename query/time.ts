import { FlamewatchError } from '../infra/runtime/errors.ts'

// Times of a question: RFC 3339, unix milliseconds, or relative to now (`now`, `now-1h`). `from` is
// inclusive, `to` exclusive.

export type TimeRange = {
  /** Unix ms. */
  readonly fromMs: number
  readonly toMs: number
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

export const DAY_MS = 86_400_000

// DateTime of the store ends in 2106.
const LAST_MS = 0xffff_ffff * 1000

const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/

/** Unix ms. Throws `malformed`; `name` is the parameter the text came from. */
export function parseTime(text: string, name: string, nowMs: number): number {
  const ms = readTime(text.trim(), nowMs)
  if (ms === null || !(ms >= 0 && ms <= LAST_MS))
    throw new FlamewatchError(
      'malformed',
      `Expected ${name} to be a time, got ${JSON.stringify(text.slice(0, 100))}.`,
      {
        hint: 'Use RFC 3339 (2026-11-25T03:09:22Z), unix milliseconds, or now-1h (ms s m h d w).',
        status: 400,
      },
    )
  return ms
}

function readTime(text: string, nowMs: number): number | null {
  if (text === 'now') return nowMs
  const relative = /^now([+-])(.+)$/.exec(text)
  if (relative) {
    const duration = readDuration(relative[2] as string)
    return duration === null ? null : nowMs + (relative[1] === '-' ? -duration : duration)
  }
  if (/^\d{1,15}$/.test(text)) return Number(text)
  if (!RFC3339.test(text)) return null
  const ms = Date.parse(text.replace(' ', 'T'))
  return Number.isNaN(ms) ? null : ms
}

/** `from` and `to` of a question; default the hour before `to`, which is now. */
export function parseRange(
  from: string | undefined,
  to: string | undefined,
  options: { readonly nowMs: number; readonly maxDays: number; readonly prefix?: string },
): TimeRange {
  const { nowMs, maxDays, prefix = '' } = options
  const toMs = to === undefined ? nowMs : parseTime(to, `${prefix}to`, nowMs)
  const fromMs = from === undefined ? toMs - 3_600_000 : parseTime(from, `${prefix}from`, nowMs)
  if (fromMs >= toMs)
    throw new FlamewatchError(
      'out_of_range',
      `Expected ${prefix}from to be before ${prefix}to, got ${formatTime(fromMs)} and ${formatTime(toMs)}.`,
      { hint: 'from is inclusive, to exclusive; both default to the last hour.', status: 400 },
    )
  if (toMs - fromMs > maxDays * DAY_MS)
    throw new FlamewatchError(
      'out_of_range',
      `A question may span ${maxDays} days, got ${((toMs - fromMs) / DAY_MS).toFixed(1)}.`,
      {
        hint: 'Ask for a shorter range, or start the server with --query-range DAYS.',
        status: 400,
      },
    )
  return { fromMs, toMs }
}

/** Milliseconds of `30s`, `5m`, `1h30m`, or a number of seconds. Throws `malformed`. */
export function parseDuration(text: string, name: string): number {
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : readDuration(text)
  if (ms === null || ms <= 0)
    throw new FlamewatchError(
      'malformed',
      `Expected ${name} to be a duration, got ${JSON.stringify(text.slice(0, 100))}.`,
      { hint: 'For example 30s, 5m, 1h30m, 1d, or a number of seconds.', status: 400 },
    )
  return ms
}

function readDuration(text: string): number | null {
  if (!/^(?:\d{1,9}(?:ms|[smhdw]))+$/.test(text)) return null
  let sum = 0
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhdw])/g))
    sum += Number(count) * (UNITS_MS[unit as string] as number)
  return sum
}

export function formatTime(ms: number): string {
  return new Date(ms).toISOString()
}

// Steps people read: 1, 2, 5 … of each unit.
const STEPS_MS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
  172_800, 604_800,
].map((seconds) => seconds * 1000)

/** The smallest round step that makes at most `points` of the range. */
export function chooseStep({ fromMs, toMs }: TimeRange, points: number): number {
  const least = (toMs - fromMs) / points
  return STEPS_MS.find((step) => step >= least) ?? Math.ceil(least / 604_800_000) * 604_800_000
}
