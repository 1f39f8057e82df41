import type { SeriesAnswer, Service } from '../../query/api.ts'

// One lane per version, newest on top: when it ran and how many cores it used.

export type Lane = {
  readonly version: string
  /** Values per step in the type's unit; index 0 begins at the range's start. */
  readonly values: readonly number[]
  /** Unix ms, null where it ran before the range began. */
  readonly deployedMs: number | null
  readonly hosts: number
}

export type Lanes = {
  readonly lanes: readonly Lane[]
  readonly fromMs: number
  readonly toMs: number
  readonly stepMs: number
  readonly unit: string
  /** Largest value of any lane, at least a tiny one. */
  readonly most: number
}

/** Steps per timeline: one every five pixels or so, in a round number of seconds. */
export function stepFor(fromMs: number, toMs: number): number {
  const steps = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 86_400]
  const least = (toMs - fromMs) / 1000 / 240
  return steps.find((step) => step >= least) ?? 604_800
}

export function lanesOf(answer: SeriesAnswer, service: Service | null): Lanes {
  const fromMs = Date.parse(answer.from)
  const known = new Map(service?.versions.map((version) => [version.version, version]))
  const lanes = answer.series
    .filter((series) => !series.other)
    .map((series): Lane => {
      const version = series.labels['version'] ?? ''
      const seen = known.get(version)
      const first = seen ? Date.parse(seen.firstSeen) : Number.NaN
      return {
        version,
        values: series.values,
        deployedMs: first > fromMs + answer.stepMs ? first : null,
        hosts: seen?.hosts ?? 0,
      }
    })
  const order = service?.versions.map((version) => version.version) ?? []
  const rank = (lane: Lane): number => {
    const at = order.indexOf(lane.version)
    return at < 0 ? order.length : at
  }
  lanes.sort((x, y) => rank(x) - rank(y))
  const most = Math.max(1e-9, ...lanes.map((lane) => Math.max(0, ...lane.values)))
  const { stepMs, unit } = answer
  return { lanes, fromMs, toMs: Date.parse(answer.to), stepMs, unit, most }
}

/** Times at which a version was first seen, oldest first. */
export function deploysOf(lanes: Lanes): { readonly version: string; readonly ms: number }[] {
  return lanes.lanes
    .flatMap(({ version, deployedMs }) =>
      deployedMs === null ? [] : [{ version, ms: deployedMs }],
    )
    .sort((x, y) => x.ms - y.ms)
}

/** Value per step as a rate: cores where the unit is a time, else units per second. */
export function rateOf(value: number, lanes: Pick<Lanes, 'stepMs' | 'unit'>): number {
  const perSecond = value / (lanes.stepMs / 1000)
  return lanes.unit === 'nanoseconds' ? perSecond / 1e9 : perSecond
}

/** A time moved by whole steps, or to the previous or next deploy, within the range. */
export function moveEdge(key: string, shift: boolean, ms: number, lanes: Lanes): number | null {
  const by = lanes.stepMs * (shift ? 10 : 1)
  const deploys = deploysOf(lanes).map((deploy) => deploy.ms)
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return ms - by
    case 'ArrowRight':
    case 'ArrowUp':
      return ms + by
    case 'PageDown':
      return ms - lanes.stepMs * 10
    case 'PageUp':
      return ms + lanes.stepMs * 10
    case 'Home':
      return lanes.fromMs
    case 'End':
      return lanes.toMs
    case '[':
      return deploys.findLast((deploy) => deploy < ms) ?? lanes.fromMs
    case ']':
      return deploys.find((deploy) => deploy > ms) ?? lanes.toMs
    default:
      return null
  }
}
