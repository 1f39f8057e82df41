// Links carry UTC or times relative to now; the page shows the reader's own time zone.

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** `now-1h`, RFC 3339 or unix milliseconds as unix milliseconds; null when it is none of them. */
export function parseTime(text: string, nowMs: number): number | null {
  const relative = /^now(?:-(\d{1,6})([smhdw]))?$/.exec(text)
  if (relative) {
    const unit = UNIT_MS[relative[2] ?? 's'] ?? 0
    return nowMs - Number(relative[1] ?? 0) * unit
  }
  if (/^\d{10,15}$/.test(text)) return Number(text)
  if (!/^\d{4}-\d\d-\d\dT/.test(text)) return null
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? null : ms
}

export function isRelative(text: string): boolean {
  return text.startsWith('now')
}

/** For links and requests: RFC 3339 in UTC without milliseconds where there are none. */
export function toUtc(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z')
}

/** `25 Nov 14:03`, with the year where it is not this one. */
export function formatTime(ms: number, nowMs: number): string {
  if (!Number.isFinite(ms)) return '–'
  const date = new Date(ms)
  const year = date.getFullYear() === new Date(nowMs).getFullYear() ? '' : ` ${date.getFullYear()}`
  return `${date.getDate()} ${MONTHS[date.getMonth()]}${year} ${clock(date)}`
}

/** `25 Nov 14:03–15:03`; the day stands twice only where it changes. */
export function formatRange(fromMs: number, toMs: number, nowMs: number): string {
  const from = new Date(fromMs)
  const to = new Date(toMs)
  const end = from.toDateString() === to.toDateString() ? clock(to) : formatTime(toMs, nowMs)
  return `${formatTime(fromMs, nowMs)} – ${end}`
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

function clock(date: Date): string {
  return `${pad(date.getHours())}:${pad(date.getMinutes())}`
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}

/** `3 min ago`, `2 d ago`. */
export function formatAge(ms: number, nowMs: number): string {
  const age = nowMs - ms
  if (!Number.isFinite(age)) return '–'
  if (age < 45_000) return 'just now'
  return `${formatSpan(age)} ago`
}

/** A length of time in its largest unit. */
export function formatSpan(spanMs: number): string {
  if (!Number.isFinite(spanMs)) return '–'
  const seconds = spanMs / 1000
  if (seconds < 60) return `${Math.round(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

const STEPS_MS = [
  60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000,
  21_600_000, 43_200_000, 86_400_000, 172_800_000, 604_800_000, 1_209_600_000, 2_592_000_000,
]

export type Tick = { readonly ms: number; readonly label: string }

/** Round local times between two times, at most `most` of them. */
export function timeTicks(fromMs: number, toMs: number, most: number): Tick[] {
  const span = toMs - fromMs
  if (!(span > 0) || most < 1) return []
  const step = STEPS_MS.find((candidate) => span / candidate <= most) ?? span
  const offset = new Date(fromMs).getTimezoneOffset() * 60_000
  const first = Math.ceil((fromMs - offset) / step) * step + offset
  const ticks: Tick[] = []
  for (let ms = first; ms <= toMs && ticks.length <= most; ms += step) {
    const date = new Date(ms)
    const midnight = date.getHours() === 0 && date.getMinutes() === 0
    const label = midnight ? `${date.getDate()} ${MONTHS[date.getMonth()]}` : clock(date)
    ticks.push({ ms, label })
  }
  return ticks
}
