import { kindOfModule } from '../../infra/contract/profile.ts'
import type { Sql } from '../../infra/store/sql.ts'
import { sql } from '../../infra/store/sql.ts'
import type { FunctionInfo } from '../api.ts'
import { needsOnlyColumns } from '../selector-sql.ts'
import type { TimeRange } from '../time.ts'
import { describeExpiry, readExpiry } from './expiry.ts'
import type { Grouping } from './grouping.ts'
import { groupBy, nameLabels, placeAmong } from './grouping.ts'
import { checkPatterns } from './patterns.ts'
import type { Part } from './plan.ts'
import { BUCKET_SECONDS } from './plan.ts'
import type { Reader } from './reader.ts'
import { profilesWhere, rollupWhere, STACKS_SETTINGS, secondsOf } from './scope.ts'
import type { SeriesQuestion } from './series.ts'
import { countSteps, profilesBy, readTops, widenStep } from './series.ts'
import { findServices } from './services.ts'

export type FunctionHistory = {
  /** As answered: whole buckets where the rollup could answer. */
  readonly range: TimeRange
  readonly stepMs: number
  readonly series: {
    readonly labels: Readonly<Record<string, string>>
    readonly flat: number[]
    readonly cum: number[]
    /** Of all stacks. */
    readonly total: number[]
  }[]
  /** What has expired of it. */
  readonly note: string | null
}

const BUCKET_MS = BUCKET_SECONDS * 1000
const MAX_FUNCTIONS = 1000

/** flat and cum of a function (any of `ids`: a name may have several) over time, by labels. */
export async function readHistory(
  reader: Reader,
  asked: SeriesQuestion,
  ids: readonly bigint[],
): Promise<FunctionHistory> {
  await checkPatterns(reader, asked.selector)
  const [services, stepMs, expiredMs] = await Promise.all([
    findServices(reader, asked.selector, asked.range),
    widenStep(reader, asked),
    readExpiry(reader, asked),
  ])
  const question = fitToBuckets({ ...asked, stepMs })
  const { range } = question
  const part: Part = {
    table: question.usesRollup ? 'stack_10m' : 'profiles',
    seconds: secondsOf(range),
  }
  const note = expiredMs === null ? null : describeExpiry([part], expiredMs)
  const grouping = groupBy(reader.tenant, asked.by, question)
  const values = question.usesRollup
    ? rollupBy(reader, question, grouping)
    : profilesBy(reader, question, grouping)
  const tops = await readTops(reader, values, asked.limit)
  const zeros = () => new Array<number>(countSteps(question)).fill(0)
  const series = tops.map((top) => ({
    labels: nameLabels(asked.by, top),
    flat: zeros(),
    cum: zeros(),
    total: zeros(),
  }))
  if (tops.length === 0) return { range, stepMs, series, note }
  const stacks = sql`SELECT stack_id FROM stacks
    WHERE tenant = ${reader.tenant} AND service IN ${services}`
  const rows = await reader.rows<
    Record<'place' | 'i' | 'flat' | 'cum' | 'total', string | number>
  >(sql`
    SELECT ${placeAmong(tops, grouping)} AS place, ${stepNumber(question)} AS i,
      sumIf(toFloat64(v), s IN (${stacks} AND has(${ids}, frames[-1]))) AS flat,
      sumIf(toFloat64(v), s IN (${stacks} AND hasAny(frames, ${ids}))) AS cum,
      sum(toFloat64(v)) AS total
    FROM ${question.usesRollup ? rollupRows(reader, question) : profileRows(reader, question, grouping.join)}
    GROUP BY place, i HAVING place > 0 SETTINGS ${STACKS_SETTINGS}`)
  for (const { place, i, flat, cum, total } of rows) {
    const one = series[Number(place) - 1]
    if (one === undefined) continue
    one.flat[Number(i)] = Number(flat)
    one.cum[Number(i)] = Number(cum)
    one.total[Number(i)] = Number(total)
  }
  return { range, stepMs, series, note }
}

type FittedQuestion = SeriesQuestion & { readonly usesRollup: boolean }

function fitToBuckets(question: SeriesQuestion): FittedQuestion {
  const by = question.by.map((name) => ({ name, operator: '=' as const, value: '' }))
  const usesRollup =
    needsOnlyColumns([...question.selector, ...by]) && question.stepMs % BUCKET_MS === 0
  if (!usesRollup) return { ...question, usesRollup }
  const fromMs = Math.floor(question.range.fromMs / BUCKET_MS) * BUCKET_MS
  const toMs = Math.ceil(question.range.toMs / BUCKET_MS) * BUCKET_MS
  return { ...question, usesRollup, range: { fromMs, toMs } }
}

function stepNumber({ range, stepMs }: SeriesQuestion): Sql {
  return sql`intDiv(toUnixTimestamp(at) - ${secondsOf(range).from}, ${stepMs / 1000})`
}

function rollupBy(reader: Reader, question: SeriesQuestion, { labels }: Grouping) {
  const where = rollupWhere(reader.tenant, question, secondsOf(question.range))
  return { labels, value: sql`value`, from: sql`stack_10m WHERE ${where}` }
}

function rollupRows(reader: Reader, question: SeriesQuestion): Sql {
  return sql`(SELECT service, version, bucket AS at, stack_id AS s, value AS v FROM stack_10m
    WHERE ${rollupWhere(reader.tenant, question, secondsOf(question.range))})`
}

function profileRows(reader: Reader, question: SeriesQuestion, join: Sql): Sql {
  return sql`(SELECT service, version, series_id, time AS at, s, v
    FROM profiles ARRAY JOIN stack_ids AS s, vals AS v
    WHERE ${profilesWhere(reader.tenant, question)}) AS p ${join}`
}

/** Functions with this id or, where there is none, with this exact name. */
export async function findFunctions(reader: Reader, wanted: string): Promise<FunctionInfo[]> {
  const find = async (condition: Sql) => {
    const rows = await reader.rows<Omit<FunctionInfo, 'kind'>>(sql`
      SELECT toString(function_id) AS id, any(name) AS name, any(file) AS file, any(module) AS module
      FROM functions AS f WHERE tenant = ${reader.tenant} AND ${condition}
      GROUP BY function_id ORDER BY function_id LIMIT ${MAX_FUNCTIONS}`)
    return rows.map((row) => ({ ...row, kind: kindOfModule(row.module) }))
  }
  if (/^\d{1,20}$/.test(wanted) && BigInt(wanted) < 2n ** 64n) {
    const byId = await find(sql`f.function_id = ${BigInt(wanted)}`)
    if (byId.length > 0) return byId
  }
  return find(sql`f.name = ${wanted}`)
}
