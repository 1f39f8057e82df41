import type { Sql } from '../../infra/store/sql.ts'
import { sql } from '../../infra/store/sql.ts'
import { describeExpiry, readExpiry } from './expiry.ts'
import type { Grouping } from './grouping.ts'
import { groupBy, nameLabels, placeAmong } from './grouping.ts'
import { checkPatterns } from './patterns.ts'
import type { Reader } from './reader.ts'
import type { Scope } from './scope.ts'
import { profilesWhere, secondsOf } from './scope.ts'

export type SeriesQuestion = Scope & {
  /** Names of labels. */
  readonly by: readonly string[]
  readonly stepMs: number
  /** How many series to tell apart, the largest ones. */
  readonly limit: number
}

export type Series = {
  readonly labels: Readonly<Record<string, string>>
  /** The sum of the series beyond the limit. */
  readonly other: boolean
  /** Sum per step, from the start of the range. */
  readonly values: number[]
}

/** Values over time by labels, the largest first, the rest summed as `other`. */
export async function readSeries(
  reader: Reader,
  question: SeriesQuestion,
): Promise<{ readonly stepMs: number; readonly series: Series[]; readonly note: string | null }> {
  await checkPatterns(reader, question.selector)
  const { by, limit, range } = question
  const grouping = groupBy(reader.tenant, by, question)
  const [tops, stepMs, expiredMs] = await Promise.all([
    readTops(reader, profilesBy(reader, question, grouping), limit),
    widenStep(reader, question),
    readExpiry(reader, question),
  ])
  const { from } = secondsOf(range)
  const rows = await reader.rows<{ place: string; i: string; value: number }>(sql`
    SELECT ${placeAmong(tops, grouping)} AS place,
      intDiv(toUnixTimestamp(time) - ${from}, ${stepMs / 1000}) AS i, sum(toFloat64(total)) AS value
    FROM profiles ${grouping.join} WHERE ${profilesWhere(reader.tenant, question)}
    GROUP BY place, i`)
  const points = countSteps({ range, stepMs })
  const zeros = () => new Array<number>(points).fill(0)
  const series = tops.map((top) => ({
    labels: nameLabels(by, top),
    other: false,
    values: zeros(),
  }))
  const other = { labels: {}, other: true, values: zeros() }
  for (const { place, i, value } of rows) {
    const { values } = series[Number(place) - 1] ?? other
    values[Number(i)] = value
  }
  const hasOther = rows.some(({ place }) => Number(place) === 0)
  const note =
    expiredMs === null
      ? null
      : describeExpiry([{ table: 'profiles', seconds: secondsOf(range) }], expiredMs)
  return { stepMs, series: hasOther ? [...series, other] : series, note }
}

/**
 * The step in ms: as many of those asked for as hold the longest window, since steps shorter than
 * the windows would be a comb. Windows are a little longer than what a collector was asked for.
 */
export async function widenStep(reader: Reader, question: SeriesQuestion): Promise<number> {
  const [row] = await reader.rows<{ longest: number }>(sql`
    SELECT max(duration_ms) AS longest FROM profiles
    WHERE ${profilesWhere(reader.tenant, question)}`)
  const windowMs = Math.round((row?.longest ?? 0) / 1000) * 1000
  return Math.max(1, Math.ceil(windowMs / question.stepMs)) * question.stepMs
}

export function countSteps({ range, stepMs }: Pick<SeriesQuestion, 'range' | 'stepMs'>): number {
  return Math.ceil((range.toMs - range.fromMs) / stepMs)
}

/** Rows with labels and a value, and where they are. */
type ValuesBy = { readonly labels: Sql; readonly value: Sql; readonly from: Sql }

export function profilesBy(reader: Reader, scope: Scope, { labels, join }: Grouping): ValuesBy {
  const where = profilesWhere(reader.tenant, scope)
  return { labels, value: sql`total`, from: sql`profiles ${join} WHERE ${where}` }
}

/** Labels of the series with the largest sums. */
export async function readTops(
  reader: Reader,
  { labels, value, from }: ValuesBy,
  limit: number,
): Promise<string[][]> {
  const rows = await reader.rows<{ top: string[] }>(sql`
    SELECT ${labels} AS top FROM ${from}
    GROUP BY top ORDER BY sum(toFloat64(${value})) DESC, top LIMIT ${limit}
   `)
  return rows.map(({ top }) => top)
}
