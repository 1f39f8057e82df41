import { z } from 'zod'

export function integer(least: number, most: number) {
  const expected = `expected an integer from ${least} to ${most}`
  return z
    .string(expected)
    .regex(/^\d{1,9}$/, expected)
    .transform(Number)
    .pipe(z.number().min(least, expected).max(most, expected))
}

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ...{ '': 1_000, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 24 * 3_600_000 },
}

/** `1500ms`, `10s`, `1m`, `2h`, `7d`; a bare number is seconds. In ms. */
export function durationMs(leastMs: number, mostMs: number) {
  const expected = `expected a duration from ${leastMs / 1000}s to ${mostMs / 1000}s`
  return quantity(/^(\d{1,9})(ms|s|m|h|d|)$/, MS_PER_UNIT, {
    least: leastMs,
    most: mostMs,
    expected,
  })
}

const NS_PER_UNIT: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 }

/** `500us`, `1ms`, `2s`. In ns. */
export function durationNs(leastNs: number, mostNs: number) {
  const expected = `expected a duration from ${leastNs / 1000}us to ${mostNs / 1e9}s, for example 1ms`
  const range = { least: leastNs, most: mostNs, expected }
  return quantity(/^(\d{1,9})(ns|us|ms|s)$/, NS_PER_UNIT, range)
}

/** Texts with commas between them, none of them empty; an option given several times adds to them. */
export function list(expected: string) {
  return z
    .union([z.string(), z.array(z.string())], expected)
    .optional()
    .transform((given) =>
      given === undefined ? [] : [given].flat().flatMap((text) => text.split(',')),
    )
    .pipe(z.array(z.string().trim().min(1, expected)))
}

const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  ...{ '': 1, kB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 },
}

/** `16MB`, `512KiB`; a bare number is bytes. */
export function sizeBytes(least: number, most: number) {
  const expected = `expected a size from ${least} to ${most} bytes, for example 16MB`
  return quantity(/^(\d{1,13})(kB|MB|GB|KiB|MiB|GiB|)$/, BYTES_PER_UNIT, { least, most, expected })
}

type Range = { readonly least: number; readonly most: number; readonly expected: string }

function quantity(
  pattern: RegExp,
  units: Readonly<Record<string, number>>,
  { least, most, expected }: Range,
) {
  return z.string(expected).transform((text, context) => {
    const [, digits, unit = ''] = pattern.exec(text.replaceAll(' ', '')) ?? []
    const value = Number(digits ?? Number.NaN) * (units[unit] ?? Number.NaN)
    if (value >= least && value <= most) return value
    context.addIssue({ code: 'custom', message: expected })
    return z.NEVER
  })
}
