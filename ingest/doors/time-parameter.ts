import { FlamewatchError } from '../../infra/runtime/errors.ts'

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

// With the zone: without one Date.parse takes the server's.
const RFC_3339 = /^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2}))?$/

/** Unix ms of RFC 3339, unix milliseconds, or `now-1h`; throws `malformed`. */
export function parseTime(name: string, text: string, nowMs: number): number {
  const relative = /^now(?:([+-]\d{1,9})(ms|s|m|h|d|w))?$/.exec(text)
  if (relative) return nowMs + Number(relative[1] ?? 0) * (UNITS_MS[relative[2] ?? 'ms'] as number)
  if (/^\d{1,15}$/.test(text)) return Number(text)
  const ms = RFC_3339.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms))
    throw new FlamewatchError(
      'malformed',
      `Expected ${name} to be a time, got ${JSON.stringify(text.slice(0, 100))}.`,
      {
        hint: 'Times are RFC 3339, unix milliseconds, or relative: now-1h.',
        status: 400,
      },
    )
  return ms
}
