import { mean, median } from './average.ts'
import type { Estimate } from './estimate.ts'
import { digamma, inverseTrigamma, trigamma } from './gamma.ts'

// Where the whole fleet changed at once there is no control: the same clock window of earlier days
// says how much a function's share moves by itself, and the day is the replicate. With so few days a
// variance per function is too uncertain to use alone; what all functions have in common steadies it
// (limma's moderation, Smyth 2004).

export type DayShares = {
  /** Of the function, on each earlier day. */
  readonly days: readonly number[]
  /** In the candidate's window. */
  readonly candidate: number
}

export type DayTotals = {
  /** Samples of the service in the window, on each earlier day. */
  readonly days: readonly number[]
  readonly candidate: number
}

const MOST_FREEDOM = 1e9
// A function with fewer samples a day says nothing of how days differ.
const SAMPLES_TO_SEE_DAYS = 200

/** One estimate per function; at least two days (a gate asks for more). */
export function compareDays(totals: DayTotals, functions: readonly DayShares[]): Estimate[] {
  const days = totals.days.length
  const samplesADay = days / totals.days.reduce((sum, n) => sum + 1 / n, 0)
  const moments = functions.map(({ days: shares }) => meanAndVariance(shares))
  const spread = dayToDaySpread(moments, samplesADay)
  const expected = moments.map(({ mean }) => mean / samplesADay + spread * mean * mean)
  const ratios = moments.map(({ variance }, i) => variance / (expected[i] as number))
  const prior = fitPrior(ratios, days - 1)
  return functions.map(({ candidate }, i) => {
    const { mean } = moments[i] as Moments
    const ratio = moderated(ratios[i] as number, days - 1, prior)
    const perDay = Math.max(ratio * (expected[i] as number), mean / samplesADay)
    return {
      baseline: mean,
      candidate,
      delta: candidate - mean,
      // A function that is new has no days to vary over, but was sampled all the same.
      variance: Math.max(
        perDay * (1 / days + Math.max(1, samplesADay / totals.candidate)),
        candidate / totals.candidate,
      ),
      df: Math.min(prior.df + days - 1, MOST_FREEDOM),
    }
  })
}

type Moments = { readonly mean: number; readonly variance: number }

function meanAndVariance(values: readonly number[]): Moments {
  const centre = mean(values)
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0)
  return { mean: centre, variance: squares / (values.length - 1) }
}

/** The relative variance between days beyond sampling, as the median function has it. */
function dayToDaySpread(moments: readonly Moments[], samplesADay: number): number {
  const spreads = moments
    .filter(({ mean }) => mean * samplesADay > SAMPLES_TO_SEE_DAYS)
    .map(({ mean, variance }) => (variance - mean / samplesADay) / (mean * mean))
  return Math.max(0, spreads.length === 0 ? 0 : median(spreads))
}

/** Scaled inverse chi-square of which the functions' variance ratios are draws. */
type Prior = { readonly df: number; readonly scale: number }

function fitPrior(ratios: readonly number[], df: number): Prior {
  const logs = ratios
    .filter((ratio) => ratio > 0)
    .map((ratio) => Math.log(ratio) - digamma(df / 2) + Math.log(df / 2))
  if (logs.length < 2) return { df: Number.POSITIVE_INFINITY, scale: 1 }
  const { mean, variance } = meanAndVariance(logs)
  const excess = variance - trigamma(df / 2)
  if (excess <= 1e-6) return { df: Number.POSITIVE_INFINITY, scale: Math.exp(mean) }
  const priorDf = 2 * inverseTrigamma(excess)
  return { df: priorDf, scale: Math.exp(mean + digamma(priorDf / 2) - Math.log(priorDf / 2)) }
}

function moderated(ratio: number, df: number, prior: Prior): number {
  if (!Number.isFinite(prior.df) || Number.isNaN(ratio)) return prior.scale
  return (prior.df * prior.scale + df * ratio) / (prior.df + df)
}
