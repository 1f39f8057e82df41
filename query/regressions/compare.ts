import { FlamewatchError } from '../../infra/runtime/errors.ts'
import type { RegressionsAnswer } from '../api.ts'
import type { Design, Steps } from '../judge/choose-design.ts'
import { chooseDesign } from '../judge/choose-design.ts'
import type { Judged } from '../judge/decide.ts'
import { decide, isChange } from '../judge/decide.ts'
import { readCallTree } from '../read/call-trees.ts'
import type { Dictionaries } from '../read/dictionaries.ts'
import { readPresence } from '../read/presence.ts'
import type { Reader } from '../read/reader.ts'
import type { Scope } from '../read/scope.ts'
import type { TimeRange } from '../time.ts'
import { chooseStep } from '../time.ts'
import { describeComparison } from './answer.ts'
import { measureDays } from './measure-days.ts'
import { measureChanges, measureHosts } from './measure-hosts.ts'
import { measureHours } from './measure-hours.ts'
import type { JudgedTests, Measured, TestKey } from './measured.ts'
import { keyText } from './measured.ts'
import type { Question } from './question.ts'
import { versionSelector } from './question.ts'

// Steps a range is cut into to see who ran what.
const PRESENCE_STEPS = 720
const WARM_UP_MS = 600_000
const LONGEST_DAY_WINDOW_MS = 3_600_000

/** Judges a candidate version of a service by its baseline. */
export async function judgeRegressions(
  reader: Reader,
  dictionaries: Dictionaries,
  question: Question,
  limit: number,
): Promise<RegressionsAnswer> {
  const { design, stepMs } = await findDesign(reader, question)
  const tests = await judgeTests(reader, question, design, stepMs)
  const { tree } = await readCallTree(reader, dictionaries, sidesOf(question, design, tests))
  return describeComparison(reader, { question, design, ...tests, tree, limit })
}

async function findDesign(
  reader: Reader,
  question: Question,
): Promise<{ readonly design: Design; readonly stepMs: number }> {
  const { service, baseline, candidate, clusterBy, range, type } = question
  const stepMs = chooseStep(range, PRESENCE_STEPS)
  const scope = { selector: versionSelector(service), range, type }
  const presence = await readPresence(reader, { scope, baseline, candidate, clusterBy, stepMs })
  const design = chooseDesign(presence, Math.round(WARM_UP_MS / stepMs))
  if (design === undefined)
    throw new FlamewatchError(
      'not_found',
      `Expected profiles of version ${JSON.stringify(candidate)} of ${JSON.stringify(service)} in the range, got none.`,
      { hint: 'Ask for a range in which the candidate ran: from=now-24h.', status: 404 },
    )
  if (question.design !== null && question.design !== design.name)
    throw new FlamewatchError(
      'no_control',
      `Expected data for the design ${question.design}, got data for ${design.name}.`,
      {
        hint:
          'Leave design out to use the strongest there is data for. Hosts before a deploy against ' +
          'the same hosts after it prove nothing: time moved as well.',
        status: 422,
      },
    )
  return { design, stepMs }
}

async function judgeTests(
  reader: Reader,
  question: Question,
  design: Design,
  stepMs: number,
): Promise<JudgedTests> {
  const window = timesOf(question.range, stepMs, design.window)
  if (design.name === 'days') return judgeDays(reader, question, window)
  const measured = await measureBy(reader, question, design, stepMs)
  return { measured, ...decideBoth(measured, question) }
}

function measureBy(
  reader: Reader,
  question: Question,
  design: Exclude<Design, { name: 'days' }>,
  stepMs: number,
): Promise<Measured> {
  const window = timesOf(question.range, stepMs, design.window)
  if (design.name === 'did') {
    const before = timesOf(question.range, stepMs, design.before)
    return measureChanges(reader, question, { ...design, window, before })
  }
  const byHour = design.name === 'canary' && design.byHour
  return byHour ? measureHours(reader, question, window) : measureHosts(reader, question, window)
}

/** One window alone is wrong too often: what counts is what two in a row say. */
async function judgeDays(
  reader: Reader,
  question: Question,
  { fromMs, toMs }: TimeRange,
): Promise<JudgedTests> {
  const length = Math.min(LONGEST_DAY_WINDOW_MS, Math.floor((toMs - fromMs) / 2000) * 1000)
  const [measured, earlier] = await Promise.all([
    measureDays(reader, question, { fromMs: toMs - length, toMs }),
    measureDays(reader, question, { fromMs: toMs - 2 * length, toMs: toMs - length }),
  ])
  const before = decideBoth(earlier, question)
  const now = decideBoth(measured, question)
  return {
    measured,
    rises: onlyTwiceInARow(now.rises, before.rises),
    falls: onlyTwiceInARow(now.falls, before.falls),
  }
}

function onlyTwiceInARow(
  now: readonly Judged<TestKey>[],
  before: readonly Judged<TestKey>[],
): Judged<TestKey>[] {
  const statuses = new Map(before.map(({ key, status }) => [keyText(key), status]))
  return now.map((one) =>
    isChange(one) && statuses.get(keyText(one.key)) !== one.status
      ? { ...one, status: 'inconclusive' as const }
      : one,
  )
}

function decideBoth({ tests }: Measured, { thresholds }: Question) {
  return {
    rises: decide(tests.asked, thresholds),
    falls: decide(tests.byReference, thresholds),
  }
}

function timesOf({ fromMs }: TimeRange, stepMs: number, steps: Steps): TimeRange {
  return { fromMs: fromMs + steps.from * stepMs, toMs: fromMs + steps.to * stepMs }
}

/** Whose stacks explain a change: of both versions at the same time where there was such a time. */
function sidesOf(question: Question, design: Design, { measured }: JudgedTests): [Scope, Scope] {
  const { service, type, baseline, candidate } = question
  const scope = (version: string | undefined, arm: 'baseline' | 'candidate'): Scope => ({
    selector: versionSelector(service, version),
    range: measured[arm].range,
    type,
  })
  // Earlier days had whatever version ran then.
  return [
    scope(design.name === 'days' ? undefined : baseline, 'baseline'),
    scope(candidate, 'candidate'),
  ]
}
