import { CPU_TYPE } from '../../infra/contract/profile.ts'
import type { FunctionInfo, RegressionRow, RegressionsAnswer, ShiftRow } from '../api.ts'
import type { Design } from '../judge/choose-design.ts'
import type { Judged } from '../judge/decide.ts'
import { detectableAt, isChange } from '../judge/decide.ts'
import type { Reader } from '../read/reader.ts'
import { formatTime } from '../time.ts'
import type { SummedTree } from '../tree/call-tree.ts'
import { describeFunction, idOf } from '../tree/functions.ts'
import type { Explained } from './explain.ts'
import { explain } from './explain.ts'
import type { HostsBehind } from './hosts.ts'
import { readHostsBehind } from './hosts.ts'
import type { ArmFacts, JudgedTests, Measured, TestKey } from './measured.ts'
import { keyText } from './measured.ts'
import type { Question } from './question.ts'
import { confidenceOf, reachVerdict } from './verdict.ts'

export type Compared = JudgedTests & {
  readonly question: Question
  readonly design: Design
  /** Stacks of both arms, the baseline first. */
  readonly tree: SummedTree
  /** Rows of each kind. */
  readonly limit: number
}

const SHARES = [0.001, 0.01] as const

export async function describeComparison(
  reader: Reader,
  compared: Compared,
): Promise<RegressionsAnswer> {
  const { question, design, measured, rises: judged, limit } = compared
  const { thresholds } = question
  const { dearer, cheaper, shifts } = explainChanges(compared)
  const suspects = outlierSuspects(judged, thresholds.minAbs)
  const shown = [...dearer, ...cheaper].map(({ test }) => test)
  const hosts = await readHosts(reader, measured, [...shown, ...suspects])
  const rows = new Rows(compared, hosts)

  const regressions = dearer.map((change) => rows.describe(change))
  const outliers = suspects
    .filter(({ key }) => (hosts.get(keyText(key))?.top?.weight ?? 0) > OUTLIER_WEIGHT)
    .flatMap((test) => rows.describeOutlier(test))
  const names = regressions.map(({ function: { name }, delta }) => ({ name, delta }))
  return {
    service: question.service,
    type: question.type,
    baseline: describeArm(question.baseline, measured.baseline),
    candidate: describeArm(question.candidate, measured.candidate),
    design: judged.length > 0 ? design.name : 'none',
    byHour: design.name === 'canary' && design.byHour,
    confidence: confidenceOf(design.name, measured.baseline, measured.candidate),
    normalize: question.normalize,
    clusterBy: question.clusterBy,
    ...reachVerdict(question, design.name, { ...measured, judged, rises: names }),
    warnings: warningsOf(compared),
    thresholds: { ...thresholds, minHosts: question.minHosts },
    tests: judged.length,
    detectable: SHARES.map((share) => ({ share, delta: detectableAt(judged, share) })),
    notCovered: notCovered(judged, thresholds.failOn)
      .flatMap((id) => rows.functionOf(id))
      .slice(0, limit),
    regressions,
    improvements: cheaper.map((change) => rows.describe(change)),
    outliers: outliers.slice(0, limit),
    shifts: shifts.map((change) => rows.describeShift(change)),
  }
}

/** A change with its cause, and the test that tells its size. */
type Change = Explained & { readonly test: Judged<TestKey> }

function explainChanges({ tree, rises, falls, measured, question, limit }: Compared): {
  readonly dearer: readonly Change[]
  readonly cheaper: readonly Change[]
  readonly shifts: readonly Change[]
} {
  const changes = (judged: readonly Judged<TestKey>[], status: 'regression' | 'improvement') => {
    const tests = Map.groupBy(judged, ({ key }) => key.function)
    const scale = status === 'improvement' ? measured.scale : 1
    const { minAbs } = question.thresholds
    return explain(tree, judged, { status, scale, minAbs }).flatMap((one): Change[] => {
      const own = tests.get(idOf(tree.functions, one.culprit)) ?? []
      const test = own.reduce<Judged<TestKey> | undefined>(moreTelling, undefined)
      return test === undefined ? [] : [{ ...one, test }]
    })
  }
  const rose = changes(rises, 'regression')
  const own = (all: readonly Change[]) => all.filter(({ shift }) => shift === undefined)
  return {
    dearer: own(rose).slice(0, limit),
    cheaper: own(changes(falls, 'improvement')).slice(0, limit),
    shifts: rose.filter(({ shift }) => shift !== undefined).slice(0, limit),
  }
}

/** Of a function's two columns the significant one, of two significant ones the larger change. */
function moreTelling(best: Judged<TestKey> | undefined, test: Judged<TestKey>): Judged<TestKey> {
  const weight = (one: Judged<TestKey>) => (isChange(one) ? 1 : 0) + Math.abs(one.estimate.delta)
  return best === undefined || weight(test) > weight(best) ? test : best
}

const MOST_OUTLIERS = 50
const OUTLIER_WEIGHT = 0.5

/** Large rises that are not significant: one odd host spoils its own proof. */
function outlierSuspects(judged: readonly Judged<TestKey>[], minAbs: number): Judged<TestKey>[] {
  return judged
    .filter((one) => one.key.metric === 'flat' && !isChange(one) && one.estimate.delta >= minAbs)
    .sort((a, b) => b.estimate.delta - a.estimate.delta)
    .slice(0, MOST_OUTLIERS)
}

async function readHosts(
  reader: Reader,
  { hosts }: Measured,
  tests: readonly Judged<TestKey>[],
): Promise<ReadonlyMap<string, HostsBehind>> {
  if (hosts === null) return new Map()
  const behind = await readHostsBehind(reader, hosts, tests)
  return new Map(tests.map(({ key }, i) => [keyText(key), behind[i] as HostsBehind]))
}

const NANOSECONDS = 1e9

class Rows {
  readonly #compared: Compared
  readonly #tree: SummedTree
  readonly #hosts: ReadonlyMap<string, HostsBehind>
  readonly #numbers: ReadonlyMap<bigint, number>
  /** What the service uses; null where the type is no CPU time. */
  readonly #cores: number | null

  constructor(compared: Compared, hosts: ReadonlyMap<string, HostsBehind>) {
    const { tree, question, measured } = compared
    this.#compared = compared
    this.#tree = tree
    this.#hosts = hosts
    this.#cores = question.type === CPU_TYPE ? measured.valuePerSecond / NANOSECONDS : null
    const numbers = Array.from({ length: tree.functions.count }, (_, fn) => fn)
    this.#numbers = new Map(numbers.map((fn) => [idOf(tree.functions, fn), fn]))
  }

  functionOf(id: bigint): FunctionInfo[] {
    const fn = this.#numbers.get(id)
    return fn === undefined ? [] : [this.#function(fn)]
  }

  describe({ test, path, culprit, members }: Change): RegressionRow {
    const { estimate, interval, relative, p, q, detectable } = test
    const behind = this.#hosts.get(keyText(test.key))
    return {
      function: this.#function(culprit),
      metric: test.key.metric,
      baseline: estimate.baseline,
      candidate: estimate.candidate,
      delta: estimate.delta,
      interval: [...interval],
      ...{ relative, p, q, detectable },
      hostsAgree: behind?.agree ?? null,
      topHost: behind?.top ?? null,
      path: path.map((fn) => this.#function(fn)),
      members: members.length,
      cores: this.#cores === null ? null : estimate.delta * this.#cores,
      page: pageOf(this.#compared, this.#function(culprit).id),
    }
  }

  describeOutlier(test: Judged<TestKey>): RegressionRow[] {
    const culprit = this.#numbers.get(test.key.function)
    if (culprit === undefined) return []
    const alone = { test, culprit, path: [culprit], members: [culprit], shift: undefined }
    return [this.describe(alone)]
  }

  describeShift({ test: { estimate }, culprit, shift }: Change): ShiftRow {
    const from = shift?.from
    return {
      function: this.#function(culprit),
      kind: shift?.kind ?? 'moved',
      from: from === undefined ? null : this.#function(from),
      baseline: estimate.baseline,
      candidate: estimate.candidate,
      delta: estimate.delta,
    }
  }

  #function(fn: number): FunctionInfo {
    return describeFunction(this.#tree.functions, fn)
  }
}

/** The page's address (ui/url-state.ts) of the comparison, with one function in its middle. */
function pageOf({ question, measured }: Compared, functionId: string): string {
  const side = (key: 'a' | 'b', version: string, { range }: ArmFacts) => ({
    [key]: version,
    [`${key}_from`]: String(range.fromMs),
    [`${key}_to`]: String(range.toMs),
  })
  const parameters = new URLSearchParams({
    ...(question.type !== CPU_TYPE && { type: question.type }),
    ...side('a', question.baseline, measured.baseline),
    ...side('b', question.candidate, measured.candidate),
    panes: 'sandwich',
    fn: functionId,
  })
  return `/s/${encodeURIComponent(question.service)}/diff?${parameters}`
}

function notCovered(judged: readonly Judged<TestKey>[], failOn: number): bigint[] {
  const missed = judged
    .filter(({ detectable }) => detectable > failOn)
    .sort((a, b) => b.estimate.candidate - a.estimate.candidate)
  return [...new Set(missed.map(({ key }) => key.function))]
}

function describeArm(version: string, { range, hosts, effective, samples }: ArmFacts) {
  return {
    version,
    from: formatTime(range.fromMs),
    to: formatTime(range.toMs),
    hosts,
    effectiveHosts: effective,
    samples,
  }
}

function warningsOf({ measured: { uncovered }, design, rises }: Compared): string[] {
  const warnings: string[] = []
  if (uncovered > 0.01)
    warnings.push(
      `${Math.round(100 * uncovered)} % of what the candidate used is left out: meanwhile fewer than ` +
        'two hosts ran one of the versions.',
    )
  if (design.name === 'days' && rises.length > 0)
    warnings.push('No host ran the old version meanwhile: earlier days stand in for it.')
  return warnings
}
