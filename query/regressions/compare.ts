import { FlamewatchError } from '../../infra/runtime/errors.ts'
import type { RegressionsAnswer } from '../api.ts'
import type { Design } from '../judge/choose-design.ts'
import { chooseDesign } from '../judge/choose-design.ts'
import { decide, isChange } from '../judge/decide.ts'
import { readCallTree } from '../read/call-trees.ts'
import type { Dictionaries } from '../read/dictionaries.ts'
import { readPresence } from '../read/presence.ts'
import type { Reader } from '../read/reader.ts'
import type { Scope } from '../read/scope.ts'
import { chooseStep } from '../time.ts'
import { describeComparison } from './answer.ts'
import type { JudgedTests } from './measure.ts'
import { keyText, measure, measureDays, timesOf } from './measure.ts'
import type { Question } from './question.ts'
import { versionSelector } from './question.ts'

// Steps a range is cut into to see who ran what.
const PRESENCE_STEPS = 144
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
  const measured = await measureBy(reader, question, design, stepMs)
  const { tree } = await readCallTree(reader, dictionaries, sidesOf(question, design, measured))
  return describeComparison(reader, { question, design, ...measured, tree, limit })
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

async function measureBy(
  reader: Reader,
  question: Question,
  design: Design,
  stepMs: number,
): Promise<JudgedTests> {
  if (design.name !== 'days') {
    const measured = await measure(reader, question, design, stepMs)
    return { measured, judged: decide(measured.tests, question.thresholds) }
  }
  // One window alone is wrong too often: what counts is what two in a row say.
  const { fromMs, toMs } = timesOf(question.range, stepMs, design.window)
  const length = Math.min(LONGEST_DAY_WINDOW_MS, Math.floor((toMs - fromMs) / 2000) * 1000)
  const [measured, earlier] = await Promise.all([
    measureDays(reader, question, { fromMs: toMs - length, toMs }),
    measureDays(reader, question, { fromMs: toMs - 2 * length, toMs: toMs - length }),
  ])
  const before = new Map(
    decide(earlier.tests, question.thresholds).map(({ key, status }) => [keyText(key), status]),
  )
  const judged = decide(measured.tests, question.thresholds).map((one) => {
    const lonely = isChange(one) && before.get(keyText(one.key)) !== one.status
    return lonely ? { ...one, status: 'inconclusive' as const } : one
  })
  return { measured, judged }
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
