import { DEFAULT_THRESHOLDS } from '../../query/judge/decide.ts'
import type { FleetShape, Noise } from '../simulator/fleet.ts'
import { Fleet, NOISY, QUIET, USUAL } from '../simulator/fleet.ts'
import type { Method, TrialShape, Verdicts } from '../simulator/trial.ts'
import { METHODS, runTrial } from '../simulator/trial.ts'
import type { Measurement } from './measurement.ts'

export const name = 'regressions'

// Fresh seeds at every run: the thresholds were not chosen on them. A seed given by the environment
// repeats a run.
const SEED = Number(process.env['FLAMEWATCH_BENCH_SEED'] ?? Date.now() % 2 ** 31)
const NULL_COMPARISONS = 300
const POWER_COMPARISONS = 60
const FUNCTIONS = 300
const HOUR = 6
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

const LEVELS: readonly (readonly [string, Noise])[] = [
  ['quiet', QUIET],
  ['usual', USUAL],
  ['noisy', NOISY],
]

/** How often nothing is called something, and how often something is found. */
export async function run(): Promise<readonly Measurement[]> {
  process.stderr.write(`seed ${SEED}\n`)
  return [...falseAlarms(), ...fewHosts(), ...power()]
}

// Any false rise counts, however small: no gate of size.
const ANY = { ...DEFAULT_THRESHOLDS, minAbs: 0, minRel: 0 }

function falseAlarms(): Measurement[] {
  return LEVELS.flatMap(([level, noise], at) =>
    [300, 3000, 30_000].flatMap((samples) => {
      const shape = twoArms(10, 40, { samples })
      const trials = range(0, NULL_COMPARISONS).map((trial) =>
        runTrial(new Fleet(fleetOf(50, noise), SEED, at, samples, trial), shape, ANY),
      )
      return METHODS.map((method) => ({
        what: `${level} fleet, ${samples} samples a host and block: null comparisons with an alarm, ${method}`,
        value: 100 * rate(trials, (verdicts) => alarms(verdicts, method) > 0),
        unit: '%',
        ...(method === 'naive' ? {} : { target: { atMost: 5 } }),
      }))
    }),
  )
}

function fewHosts(): Measurement[] {
  return [3, 5, 10, 25].map((canary) => {
    const shape = twoArms(canary, 50 - canary, { samples: 30_000 })
    const trials = range(0, NULL_COMPARISONS / 2).map((trial) =>
      runTrial(new Fleet(fleetOf(50, USUAL), SEED, 7, canary, trial), shape, ANY, ['canary']),
    )
    return {
      what: `${canary} hosts against ${50 - canary}: null comparisons with an alarm, canary${canary < 5 ? ' (no gate below 5)' : ''}`,
      value: 100 * rate(trials, (verdicts) => alarms(verdicts, 'canary') > 0),
      unit: '%',
      ...(canary < 5 ? {} : { target: { atMost: 5 } }),
    }
  })
}

const TARGET_FUNCTION = 150

function power(): Measurement[] {
  const cases: [share: number, delta: number, samplesASide: number, atLeast?: number][] = [
    [0.001, 0.0005, 1e5],
    [0.001, 0.0005, 1e6, 95],
    [0.001, 0.001, 1e6],
    [0.01, 0.001, 1e6],
    [0.01, 0.001, 1e7],
    [0.01, 0.005, 1e5],
  ]
  return cases.flatMap(([share, delta, samplesASide, atLeast]) => {
    const trials = range(0, POWER_COMPARISONS).map((trial) => {
      const fleet = fleetOf(100, USUAL, new Map([[TARGET_FUNCTION, share]]))
      const change = { fn: TARGET_FUNCTION, delta }
      const shape = twoArms(50, 50, { samples: samplesASide / 50 / HOUR, change })
      const thresholds = { ...DEFAULT_THRESHOLDS, minAbs: Math.min(delta / 2, 0.0005) }
      return runTrial(
        new Fleet(fleet, SEED, 11, share * 1e6, delta * 1e6, samplesASide, trial),
        shape,
        thresholds,
      )
    })
    const what = `+${percent(delta)} of the service in a function of ${percent(share)}, ${samplesASide.toExponential()} samples a side`
    return METHODS.flatMap((method) => [
      {
        what: `${what}: found, ${method}`,
        value: 100 * rate(trials, (verdicts) => found(verdicts, method)),
        unit: '%',
        ...(method === 'canary' && atLeast !== undefined ? { target: { atLeast } } : {}),
      },
      {
        what: `${what}: other functions blamed, ${method}`,
        value: trials.reduce((sum, verdicts) => sum + others(verdicts, method), 0) / trials.length,
        unit: 'per comparison',
      },
    ])
  })
}

function fleetOf(hosts: number, noise: Noise, shares?: ReadonlyMap<number, number>): FleetShape {
  return { hosts, functions: FUNCTIONS, exponent: 1.1, noise, ...(shares && { shares }) }
}

function twoArms(
  canary: number,
  control: number,
  rest: Pick<TrialShape, 'samples' | 'change'>,
): TrialShape {
  const afternoonOfTheEighthDay = 7 * 144 + 90
  return {
    canaryHosts: range(0, canary),
    controlHosts: range(canary, canary + control),
    from: afternoonOfTheEighthDay,
    blocks: HOUR,
    ...rest,
  }
}

function regressions(verdicts: Verdicts, method: Method) {
  return verdicts[method].filter(({ status }) => status === 'regression')
}

function alarms(verdicts: Verdicts, method: Method): number {
  return regressions(verdicts, method).length
}

function found(verdicts: Verdicts, method: Method): boolean {
  return regressions(verdicts, method).some(({ key }) => key === TARGET_FUNCTION)
}

function others(verdicts: Verdicts, method: Method): number {
  return regressions(verdicts, method).filter(({ key }) => key !== TARGET_FUNCTION).length
}

function rate(trials: readonly Verdicts[], is: (verdicts: Verdicts) => boolean): number {
  return trials.filter(is).length / trials.length
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`
}
