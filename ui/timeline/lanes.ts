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

/**
 * Seconds of a step: one every five pixels or so. Collectors send every ten seconds; a step that is
 * no multiple of that would hold now one batch, now two.
 */
export function stepFor(fromMs: number, toMs: number): number {
  const steps = [10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 86_400]
  const least = (toMs - fromMs) / 1000 / 240
  return steps.find((step) => step >= least) ?? 604_800
}

export function lanesOf(answer: SeriesAnswer, service: Service | null): Lanes {
  const fromMs = Date.parse(answer.from)
  const merge = stepsToMerge(answer.series.map((series) => series.values))
  const stepMs = answer.stepMs * merge
  const toMs = Date.parse(answer.to)
  const whole = Math.max(1, Math.floor((toMs - fromMs) / stepMs))
  const known = new Map(service?.versions.map((version) => [version.version, version]))
  const lanes = answer.series
    .filter((series) => !series.other)
    .map((series): Lane => {
      const version = series.labels['version'] ?? ''
      const seen = known.get(version)
      const first = seen ? Date.parse(seen.firstSeen) : Number.NaN
      return {
        version,
        // A last step that the range cuts would look like a drop.
        values: mergeSteps(series.values, merge).slice(0, whole),
        deployedMs: first > fromMs + stepMs ? first : null,
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
  return { lanes, fromMs, toMs, stepMs, unit: answer.unit, most }
}

const MERGES = [1, 2, 3, 4, 6, 12]

/**
 * How many steps to draw as one. Profiles that were pushed may cover a minute or more and fall into
 * one step of many: gaps that come again and again say so, where a lasting one is an outage.
 */
export function stepsToMerge(series: readonly (readonly number[])[]): number {
  const length = Math.max(0, ...series.map((values) => values.length))
  const sums = Array.from({ length }, (_, i) =>
    series.reduce((sum, values) => sum + (values[i] ?? 0), 0),
  )
  return MERGES.find((merge) => countGaps(mergeSteps(sums, merge)) <= length / merge / 20) ?? 1
}

// Places where something was, then nothing, then something again.
function countGaps(values: readonly number[]): number {
  let gaps = 0
  for (let i = 1; i < values.length - 1; i++)
    if ((values[i] ?? 0) <= 0 && (values[i - 1] ?? 0) > 0) gaps++
  return gaps
}

function mergeSteps(values: readonly number[], merge: number): readonly number[] {
  if (merge === 1) return values
  return Array.from({ length: Math.ceil(values.length / merge) }, (_, i) =>
    values.slice(i * merge, (i + 1) * merge).reduce((sum, value) => sum + value, 0),
  )
}

/** Mean rate of a lane while it ran. */
export function meanRate(lane: Lane, lanes: Pick<Lanes, 'stepMs' | 'unit'>): number {
  const active = lane.values.filter((value) => value > 0)
  const sum = active.reduce((total, value) => total + value, 0)
  return active.length > 0 ? rateOf(sum / active.length, lanes) : 0
}

/** The first lanes, and those of `versions` wherever they stand: what fits on a page. */
export function fewLanes(lanes: Lanes, most: number, versions: readonly string[]): Lanes {
  const kept = lanes.lanes.filter((lane, i) => i < most || versions.includes(lane.version))
  return { ...lanes, lanes: kept }
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
