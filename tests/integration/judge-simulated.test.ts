import { describe, expect, test } from 'vitest'
import { DEFAULT_THRESHOLDS } from '../../query/judge/decide.ts'
import { Fleet, NOISY, USUAL } from '../simulator/fleet.ts'
import type { Method, TrialShape, Verdicts } from '../simulator/trial.ts'
import { runTrial } from '../simulator/trial.ts'

// Fixed seeds. The bench runs the same on fresh ones, many more, and prints the rates.

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
const HOUR = 6
const SHAPE: TrialShape = {
  canaryHosts: range(0, 10),
  controlHosts: range(10, 50),
  // The afternoon of the eighth day.
  from: 7 * 144 + 90,
  blocks: HOUR,
  samples: 30_000,
}
// Any rise that passes for significant counts, however small.
const ANY = { ...DEFAULT_THRESHOLDS, minAbs: 0, minRel: 0 }

function falseAlarms(trials: readonly Verdicts[], method: Method): number {
  const alarmed = (verdicts: Verdicts) =>
    verdicts[method].some(({ status }) => status === 'regression')
  return trials.filter(alarmed).length
}

function runNull(noise: typeof USUAL, seed: number, comparisons: number, methods: Method[]) {
  return range(0, comparisons).map((trial) => {
    const fleet = new Fleet({ hosts: 50, functions: 120, exponent: 1.1, noise }, seed, trial)
    return runTrial(fleet, SHAPE, ANY, methods)
  })
}

describe('without a change', () => {
  // Of 40 at a true rate of 5 %, more than 6 come up in 1 % of cases.
  test.each([
    ['usual', USUAL, 11],
    ['noisy', NOISY, 12],
  ] as const)('comparing hosts with hosts keeps quiet on a fleet of %s noise', (_, noise, seed) => {
    const trials = runNull(noise, seed, 40, ['naive', 'canary', 'did'])
    expect(falseAlarms(trials, 'canary')).toBeLessThanOrEqual(6)
    expect(falseAlarms(trials, 'did')).toBeLessThanOrEqual(6)
    // Taking samples for independent finds something nearly always.
    expect(falseAlarms(trials, 'naive')).toBeGreaterThan(35)
  })
})

describe('with a change of 0.05 % of the service in a function of 0.1 %', () => {
  test('a million samples a side find it, and nothing else', () => {
    const trials = range(0, 20).map((trial) => {
      const fleet = new Fleet(
        { hosts: 100, functions: 120, exponent: 1.1, noise: USUAL, shares: new Map([[60, 0.001]]) },
        13,
        trial,
      )
      return runTrial(
        fleet,
        {
          ...SHAPE,
          canaryHosts: range(0, 50),
          controlHosts: range(50, 100),
          samples: 1e6 / 50 / HOUR,
          change: { fn: 60, delta: 0.0005 },
        },
        { ...DEFAULT_THRESHOLDS, minAbs: 0 },
        ['canary'],
      )
    })
    const found = trials.filter(({ canary }) =>
      canary.some(({ key, status }) => key === 60 && status === 'regression'),
    )
    const others = trials.flatMap(({ canary }) =>
      canary.filter(({ key, status }) => key !== 60 && status === 'regression'),
    )
    expect(found.length).toBeGreaterThanOrEqual(19)
    expect(others.length).toBeLessThanOrEqual(2)
  })
})
