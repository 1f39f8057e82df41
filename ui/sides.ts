import type { Service } from '../query/api.ts'
import type { Part } from './api-client.ts'
import { parseTime, toUtc } from './format-time.ts'
import { selectorOf } from './selector.ts'
import type { SideChoice, UrlState } from './url-state.ts'

export type TimeRange = { readonly fromMs: number; readonly toMs: number }

/** A side with everything decided; version '' = all versions. */
export type Side = TimeRange & { readonly version: string; readonly part: Part }

/** A null: there is nothing to compare with. */
export type Sides = { readonly a: Side | null; readonly b: Side }

const HOUR_MS = 3_600_000

export function rangeOf(state: UrlState, nowMs: number): TimeRange {
  const toMs = parseTime(state.to, nowMs) ?? nowMs
  const fromMs = parseTime(state.from, nowMs) ?? toMs - HOUR_MS
  return fromMs < toMs ? { fromMs, toMs } : { fromMs: toMs - HOUR_MS, toMs }
}

/**
 * What the address chose, and where it chose nothing: B is the newest version that ran in the range,
 * A the one before B. A version that ran before the range is taken at its own last time, as long as
 * the range: the deploy of yesterday can be compared without looking for it.
 * `service` is null while it is not known yet; then only what the address says is decided.
 */
export function sidesOf(state: UrlState, service: Service | null, nowMs: number): Sides {
  const range = rangeOf(state, nowMs)
  const versions = service?.versions ?? []
  const newest = versions.find((version) => Date.parse(version.lastSeen) >= range.fromMs)
  const bVersion = state.b.version ?? newest?.version ?? versions[0]?.version ?? ''
  const aVersion = state.a.version ?? versionBefore(versions, bVersion)
  const own = (version: string | null): TimeRange => lastTimeOf(version, versions, range)
  const b = decide(state, { ...state.b, version: bVersion }, own(bVersion), nowMs)
  const chosen = aVersion !== null || state.a.from !== null || state.a.to !== null
  if (!chosen) return { a: null, b }
  const version = aVersion ?? bVersion
  return { a: decide(state, { ...state.a, version }, own(version), nowMs), b }
}

function lastTimeOf(
  version: string | null,
  versions: Service['versions'],
  range: TimeRange,
): TimeRange {
  const seen = versions.find((candidate) => candidate.version === version)
  const lastMs = seen ? Date.parse(seen.lastSeen) : Number.NaN
  if (!seen || !(lastMs < range.fromMs)) return range
  const firstMs = Date.parse(seen.firstSeen)
  const fromMs = Math.max(firstMs, lastMs - (range.toMs - range.fromMs))
  return fromMs < lastMs ? { fromMs, toMs: lastMs } : range
}

/** True when the address alone decides what is shown, so that nothing need be waited for. */
export function isDecided(state: UrlState): boolean {
  const sides = state.page === 'diff' ? [state.a, state.b] : [state.b]
  return sides.every(({ version, from, to }) => version !== null && from !== null && to !== null)
}

/** A side for an address: its times only where they are not the page's, which move with the clock. */
export function choiceOf(side: Side, range: TimeRange): SideChoice {
  const follows = side.fromMs === range.fromMs && side.toMs === range.toMs
  return {
    version: side.version,
    from: follows ? null : toUtc(side.fromMs),
    to: follows ? null : toUtc(side.toMs),
  }
}

// `versions` are newest first.
function versionBefore(versions: Service['versions'], version: string): string | null {
  const at = versions.findIndex((candidate) => candidate.version === version)
  return at < 0 ? null : (versions[at + 1]?.version ?? null)
}

function decide(state: UrlState, choice: SideChoice, range: TimeRange, nowMs: number): Side {
  const version = choice.version ?? ''
  const fromMs = (choice.from && parseTime(choice.from, nowMs)) || range.fromMs
  const toMs = (choice.to && parseTime(choice.to, nowMs)) || range.toMs
  const times = fromMs < toMs ? { fromMs, toMs } : range
  return {
    version,
    ...times,
    part: { query: selectorOf(state.service, version, state.where), ...times },
  }
}

/** The comparison one deploy newer or older than the one of `sides`, or null at the end of the row. */
export function neighbourDeploy(
  service: Service | null,
  sides: Sides,
  way: 'newer' | 'older',
): Pick<UrlState, 'a' | 'b'> | null {
  const versions = service?.versions.map((version) => version.version) ?? []
  const at = versions.indexOf(sides.b.version) + (way === 'newer' ? -1 : 1)
  const [b, a] = [versions[at], versions[at + 1]]
  if (b === undefined || (sides.a && a === undefined)) return null
  const choice = (version: string | undefined): SideChoice => ({
    version: version ?? null,
    from: null,
    to: null,
  })
  return { a: choice(sides.a ? a : undefined), b: choice(b) }
}

/** The state with every relative time made absolute: what a copied link carries. */
export function pinTimes(state: UrlState, nowMs: number): UrlState {
  const pin = (text: string): string => {
    const ms = parseTime(text, nowMs)
    return ms === null ? text : toUtc(ms)
  }
  const pinSide = (side: SideChoice): SideChoice => ({
    version: side.version,
    from: side.from && pin(side.from),
    to: side.to && pin(side.to),
  })
  return {
    ...state,
    from: pin(state.from),
    to: pin(state.to),
    a: pinSide(state.a),
    b: pinSide(state.b),
  }
}

/** First half of the range against the second, over whatever versions B has. */
export function halves(state: UrlState, range: TimeRange): Pick<UrlState, 'a' | 'b'> {
  const middle = toUtc(Math.round((range.fromMs + range.toMs) / 2000) * 1000)
  const version = state.b.version ?? ''
  return {
    a: { version, from: toUtc(range.fromMs), to: middle },
    b: { version, from: middle, to: toUtc(range.toMs) },
  }
}

export function nameVersion(version: string): string {
  return version === '' ? 'all versions' : version
}
