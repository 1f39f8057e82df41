// Numbers as people read them. Whatever comes in, no answer contains NaN, Infinity or undefined.

const NOTHING = '–'
const MINUS = '−'

const NS_UNITS = [
  [1, 'ns'],
  [1e3, 'µs'],
  [1e6, 'ms'],
  [1e9, 's'],
  [60e9, 'min'],
  [3600e9, 'h'],
] as const

const BYTE_UNITS = [
  [1, 'B'],
  [2 ** 10, 'KiB'],
  [2 ** 20, 'MiB'],
  [2 ** 30, 'GiB'],
  [2 ** 40, 'TiB'],
  [2 ** 50, 'PiB'],
] as const

const COUNT_UNITS = [
  [1, ''],
  [1e3, 'k'],
  [1e6, 'M'],
  [1e9, 'G'],
  [1e12, 'T'],
] as const

/** A value of a profile type's unit: `1.23 s`, `4.5 MiB`, `12.3 k`. */
export function formatValue(value: number, unit: string): string {
  if (!Number.isFinite(value)) return NOTHING
  if (unit === 'nanoseconds') return scaled(value, NS_UNITS)
  if (unit === 'microseconds') return scaled(value * 1e3, NS_UNITS)
  if (unit === 'milliseconds') return scaled(value * 1e6, NS_UNITS)
  if (unit === 'seconds') return scaled(value * 1e9, NS_UNITS)
  if (unit === 'bytes') return scaled(value, BYTE_UNITS)
  const text = scaled(value, COUNT_UNITS)
  return unit === '' || unit === 'count' ? text : `${text} ${unit}`
}

function scaled(value: number, units: readonly (readonly [number, string])[]): string {
  const size = Math.abs(value)
  let unit = units[0] as readonly [number, string]
  for (const candidate of units) if (size >= candidate[0]) unit = candidate
  const text = formatNumber(value / unit[0])
  return unit[1] === '' ? text : `${text} ${unit[1]}`
}

/** Three significant digits, grouped from 10,000 on. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return NOTHING
  const size = Math.abs(value)
  if (size === 0) return '0'
  const sign = value < 0 ? MINUS : ''
  if (size >= 999.5) return sign + group(Math.round(size))
  if (size < 0.001) return sign + size.toExponential(1).replace('e-', 'e−')
  const digits = size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : size >= 0.0995 ? 2 : 3
  return sign + size.toFixed(digits)
}

function group(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',')
}

export function formatCount(value: number): string {
  return Number.isFinite(value) ? group(Math.round(value)) : NOTHING
}

/** Cores in use; a thousandth of one is nothing to tell apart. */
export function formatCores(cores: number): string {
  return cores > 0 && cores < 0.001 ? '<0.001' : formatNumber(cores)
}

/** A share of 1 as percent, two significant digits where it is small: `12.3%`, `0.012%`. */
export function formatShare(share: number): string {
  if (!Number.isFinite(share)) return NOTHING
  return `${percentDigits(share * 100)}%`
}

function percentDigits(percent: number): string {
  const size = Math.abs(percent)
  const sign = percent < 0 ? MINUS : ''
  if (size === 0) return '0'
  if (size < 0.00005) return `${sign}<0.0001`
  if (size >= 9.995) return sign + size.toFixed(1)
  if (size >= 0.995) return sign + size.toFixed(2)
  const digits = Math.min(6, 1 - Math.floor(Math.log10(size)))
  return sign + size.toFixed(digits)
}

/** The difference of two shares in percentage points, always with a sign. */
export function formatPoints(delta: number): string {
  if (!Number.isFinite(delta)) return NOTHING
  if (delta === 0) return '0 pp'
  const text = percentDigits(Math.abs(delta) * 100)
  return `${delta < 0 ? MINUS : '+'}${text} pp`
}

export function formatSigned(value: number, format: (size: number) => string): string {
  if (!Number.isFinite(value)) return NOTHING
  if (value === 0) return format(0)
  return (value < 0 ? MINUS : '+') + format(Math.abs(value))
}

/** How B compares with A in words: `2.1×`, `+12%`, `new`, `gone`, `same`. */
export function formatRelative(a: number, b: number): string {
  if (!Number.isFinite(a) || !Number.isFinite(b)) return NOTHING
  if (a <= 0 && b <= 0) return NOTHING
  if (a <= 0) return 'new'
  if (b <= 0) return 'gone'
  const ratio = b / a
  if (ratio >= 1000) return '>1000×'
  if (ratio >= 2) return `${ratio.toFixed(ratio >= 10 ? 0 : 1)}×`
  const percent = (ratio - 1) * 100
  if (Math.abs(percent) < 0.05) return 'same'
  const size = Math.abs(percent)
  return `${percent < 0 ? MINUS : '+'}${size >= 10 ? size.toFixed(0) : size.toFixed(1)}%`
}

/**
 * How much a change of this confidence, 0..1, rests on. Never more than the server knows: what it
 * means stands in the answer's sentence on certainty.
 */
export function formatConfidence(confidence: number): string {
  if (!(confidence > 0)) return 'no evidence'
  if (confidence < 0.5) return 'little evidence'
  if (confidence < 1) return 'some evidence'
  return 'enough samples'
}
