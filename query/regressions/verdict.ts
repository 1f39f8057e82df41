import type { Judged } from '../judge/decide.ts'
import { detectableAt } from '../judge/decide.ts'
import type { ArmFacts, TestKey } from './measured.ts'
import type { DesignName, Question } from './question.ts'

export type Verdict = {
  readonly verdict: 'ok' | 'regression' | 'inconclusive'
  /** One sentence for whoever has to act. */
  readonly reason: string
}

/** The share at which it is asked what would have been found: of a function worth a look. */
const REFERENCE_SHARE = 0.01
const LEAST_DAYS = 3

/** `rises`: of the groups that are reported and did not only move, largest first. */
export function reachVerdict(
  question: Question,
  design: DesignName,
  facts: {
    readonly baseline: ArmFacts
    readonly candidate: ArmFacts
    readonly judged: readonly Judged<TestKey>[]
    readonly rises: readonly { readonly name: string; readonly delta: number }[]
  },
): Verdict {
  const { failOn } = question.thresholds
  const { baseline, candidate, judged, rises } = facts
  const lack = findLack(question, design, baseline, candidate)
  if (lack !== undefined) return { verdict: 'inconclusive', reason: lack }
  const worst = rises.find(({ delta }) => delta >= failOn)
  if (worst !== undefined)
    return {
      verdict: 'regression',
      reason: `${worst.name} takes ${percent(worst.delta)} more of the service's CPU.`,
    }
  const found = detectableAt(judged, REFERENCE_SHARE)
  if (found === null)
    return { verdict: 'inconclusive', reason: 'No function has enough samples to be compared.' }
  if (found > failOn)
    return {
      verdict: 'inconclusive',
      reason: `Only changes from ${percent(found)} on would be found yet; asked is ${percent(failOn)}.`,
    }
  const smaller = rises.length === 0 ? '' : ` ${rises.length} smaller ones are listed.`
  return {
    verdict: 'ok',
    reason: `No function takes ${percent(failOn)} more of the service's CPU; that would have been found.${smaller}`,
  }
}

function findLack(
  { minHosts, clusterBy }: Question,
  design: DesignName,
  baseline: ArmFacts,
  candidate: ArmFacts,
): string | undefined {
  if (design === 'days') {
    if (baseline.effective >= LEAST_DAYS) return undefined
    return (
      'All hosts went over to the candidate at once, so time cannot be told from the deploy: there ' +
      `are ${baseline.effective} earlier days with the same hours, ${LEAST_DAYS} are needed.`
    )
  }
  const [name, arm] =
    baseline.effective < candidate.effective ? ['baseline', baseline] : ['candidate', candidate]
  if (arm.effective >= minHosts) return undefined
  const unit = clusterBy === 'host' ? 'hosts' : `values of ${clusterBy}`
  return (
    `The ${name} has ${arm.effective.toFixed(1)} effective ${unit}, ${minHosts} are needed: with ` +
    'fewer, one odd host looks like a change.'
  )
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`
}

/** How far the design itself carries. */
export function confidenceOf(
  design: DesignName,
  baseline: ArmFacts,
  candidate: ArmFacts,
): 'high' | 'medium' | 'low' {
  const fewest = Math.min(baseline.effective, candidate.effective)
  if (design === 'days') return baseline.effective >= LEAST_DAYS ? 'medium' : 'low'
  if (fewest >= 10) return 'high'
  return fewest >= 5 ? 'medium' : 'low'
}
