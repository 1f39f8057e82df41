import { mean, median } from './average.ts'

// Where a series of a function's hourly shares changed its level for good. Logarithms of shares, or
// raw values where they can be 0 or less.

export type SeriesShape = {
  /** Points a period of the season has, such as 24; taken out only where three periods are there. */
  readonly period?: number
  /** Least points between two changes. */
  readonly shortest: number
}

export type Segment = {
  /** Half open, as indexes of the series. */
  readonly from: number
  readonly to: number
  readonly mean: number
}

export type Changes = {
  readonly segments: readonly Segment[]
  /** The series without its season and its spikes. */
  readonly level: readonly number[]
  /** Variance a mean of n points has n times of: the noise with its memory. */
  readonly longRunVariance: number
}

// Twice this many logarithms of the length: at 5 a series of two weeks without a change has a hit
// in one of six thousand (the simulation in the bench).
const PENALTY = 5

export function findChanges(values: readonly number[], shape: SeriesShape): Changes {
  const level = withoutSpikes(withoutSeason(values, shape.period))
  const longRunVariance = noiseOf(level)
  const penalty = PENALTY * Math.log(Math.max(2, level.length)) * longRunVariance
  const bounds = partition(level, shape.shortest, penalty)
  const segments = bounds.slice(1).map((to, i) => {
    const from = bounds[i] as number
    return { from, to, mean: mean(level.slice(from, to)) }
  })
  return { segments, level, longRunVariance }
}

/** Trend by the moving median over one period, season by the median of each phase around it. */
function withoutSeason(values: readonly number[], period: number | undefined): number[] {
  if (period === undefined || values.length < 3 * period) return [...values]
  const half = period >> 1
  const around = values.map((value, i) => {
    const from = Math.min(Math.max(0, i - half), values.length - period)
    return value - median(values.slice(from, from + period))
  })
  const phases = Array.from({ length: period }, (_, phase) =>
    median(around.filter((_, i) => i % period === phase)),
  )
  const centre = mean(phases)
  return values.map((value, i) => value - ((phases[i % period] as number) - centre))
}

const SPIKE_REACH = 3
const SPIKE_DEVIATIONS = 4

/** A single point far from its neighbours says nothing of the level. */
function withoutSpikes(values: readonly number[]): number[] {
  const deviation = Math.sqrt(squaredStep(values, 1) / 2)
  return values.map((value, i) => {
    const neighbours = values
      .slice(Math.max(0, i - SPIKE_REACH), i + SPIKE_REACH + 1)
      .filter((_, at) => at !== Math.min(i, SPIKE_REACH))
    const usual = neighbours.length === 0 ? value : median(neighbours)
    return Math.abs(value - usual) > SPIKE_DEVIATIONS * deviation && deviation > 0 ? usual : value
  })
}

// The median of |x(t) - x(t - k)| squared, scaled to a normal deviation. Changes of level touch few
// differences, so they do not swell it.
function squaredStep(values: readonly number[], k: number): number {
  const steps = values.slice(k).map((value, i) => Math.abs(value - (values[i] as number)))
  return steps.length === 0 ? 0 : (1.4826 * median(steps)) ** 2
}

/** Long-run variance of an AR(1) process, by how differences grow with their distance. */
function noiseOf(values: readonly number[]): number {
  const [one, two, four] = [1, 2, 4].map((k) => squaredStep(values, k)) as [number, number, number]
  if (one === 0) return Math.max(two, four) / 2
  const memory = Math.min(0.95, Math.max(0, two / one - 1))
  const variance = Math.max(one / (2 * (1 - memory)), four / 2)
  return (variance * (1 + memory)) / (1 - memory)
}

/**
 * The partition with the least squared error plus `penalty` for each part, exactly, by optimal
 * partitioning (Jackson et al. 2005). Quadratic, which two weeks of hours do not feel. Bounds from 0 to
 * the length.
 */
function partition(values: readonly number[], shortest: number, penalty: number): number[] {
  const n = values.length
  const cost = segmentCost(values)
  // best[to]: of the points before `to`, the last part beginning at previous[to].
  const best = new Float64Array(n + 1).fill(Number.POSITIVE_INFINITY)
  const previous = new Int32Array(n + 1)
  best[0] = -penalty
  for (let to = Math.min(shortest, n); to <= n; to++) {
    for (let from = 0; from <= Math.max(0, to - shortest); from++) {
      const total = (best[from] as number) + cost(from, to) + penalty
      if (total >= (best[to] as number)) continue
      best[to] = total
      previous[to] = from
    }
  }
  const bounds = [n]
  for (let at = n; at > 0; ) {
    at = previous[at] as number
    bounds.push(at)
  }
  return bounds.reverse()
}

/** Squared error of a part around its mean, in constant time. */
function segmentCost(values: readonly number[]): (from: number, to: number) => number {
  const sums = new Float64Array(values.length + 1)
  const squares = new Float64Array(values.length + 1)
  // Around the mean, so that squares of large levels do not swallow the noise.
  const centre = mean(values)
  values.forEach((value, i) => {
    sums[i + 1] = (sums[i] as number) + (value - centre)
    squares[i + 1] = (squares[i] as number) + (value - centre) ** 2
  })
  return (from, to) => {
    const sum = (sums[to] as number) - (sums[from] as number)
    return (squares[to] as number) - (squares[from] as number) - (sum * sum) / (to - from)
  }
}

export type Step = {
  /** Index of the first point at the new level. */
  readonly at: number
  readonly delta: number
  /** Of `delta`. */
  readonly standardError: number
}

const RECENT_POINTS = 12

/**
 * The last rise that still holds and is new: not gone again since, and no level the series had before.
 * `least` in the series' own unit.
 */
export function lastRise(changes: Changes, least: number): Step | undefined {
  const { segments, level, longRunVariance } = changes
  for (let i = segments.length - 1; i > 0; i--) {
    const before = segments[i - 1] as Segment
    const after = segments[i] as Segment
    const delta = after.mean - before.mean
    if (delta <= 0) continue
    if (delta < least) return undefined
    const recent = mean(level.slice(-Math.min(RECENT_POINTS, level.length - after.from)))
    const wentAway = recent - before.mean < 0.5 * delta
    const hadBefore = segments
      .slice(0, i - 1)
      .some(
        ({ from, to, mean: earlier }) =>
          to - from >= RECENT_POINTS && earlier >= before.mean + 0.5 * delta,
      )
    if (wentAway || hadBefore) return undefined
    const points = 1 / (before.to - before.from) + 1 / (after.to - after.from)
    return { at: after.from, delta, standardError: Math.sqrt(longRunVariance * points) }
  }
  return undefined
}
