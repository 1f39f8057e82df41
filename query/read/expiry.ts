import { sql } from '../../infra/store/sql.ts'
import { needsOnlyColumns } from '../selector-sql.ts'
import { DAY_MS, formatTime } from '../time.ts'
import type { Part } from './plan.ts'
import { BUCKET_SECONDS } from './plan.ts'
import type { Reader } from './reader.ts'
import type { Scope } from './scope.ts'
import { profilesWhere, rollupWhere, secondsOf } from './scope.ts'

// Profiles expire sooner than the ten-minute sums: an old range may have sums without profiles. The
// oldest go first, so one time tells which.

/**
 * The time before which profiles of a scope have expired whose ten-minute sums are still kept, unix
 * ms; null where none have. Of several services with the latest such time.
 */
export async function readExpiry(reader: Reader, scope: Scope): Promise<number | null> {
  // Nothing is kept for less than a day.
  if (scope.range.fromMs >= reader.nowMs - DAY_MS) return null
  const { from, to } = secondsOf(scope.range)
  const seconds = {
    from: Math.floor(from / BUCKET_SECONDS) * BUCKET_SECONDS,
    to: Math.ceil(to / BUCKET_SECONDS) * BUCKET_SECONDS,
  }
  const range = { fromMs: seconds.from * 1000, toMs: seconds.to * 1000 }
  // The rollup knows no other labels, and whether the profiles have expired does not hang on them.
  const selector = scope.selector.filter((matcher) => needsOnlyColumns([matcher]))
  const everything = { ...scope, selector, range }
  const [row] = await reader.rows<{ expired: string }>(sql`
    SELECT max(if(firstProfile = 0, lastSum + ${BUCKET_SECONDS}, firstProfile)) AS expired
    FROM (
      SELECT service, toUnixTimestamp(min(bucket)) AS firstSum,
        toUnixTimestamp(max(bucket)) AS lastSum
      FROM stack_10m WHERE ${rollupWhere(reader.tenant, everything, seconds)} GROUP BY service
    ) AS sums LEFT JOIN (
      SELECT service, toUnixTimestamp(min(time)) AS firstProfile
      FROM profiles WHERE ${profilesWhere(reader.tenant, everything)} GROUP BY service
    ) AS raw USING service
    WHERE firstProfile = 0 OR firstProfile >= firstSum + ${BUCKET_SECONDS}
   `)
  const expiredMs = Number(row?.expired ?? 0) * 1000
  return expiredMs > scope.range.fromMs ? expiredMs : null
}

/** What an answer lacks when profiles before `expiredMs` are gone, as sentences. */
export function describeExpiry(parts: readonly Part[], expiredMs: number): string {
  const gone = parts
    .filter(({ table, seconds }) => table === 'profiles' && seconds.from * 1000 < expiredMs)
    .map(({ seconds }) => {
      const toMs = Math.min(seconds.to * 1000, expiredMs)
      return `${formatTime(seconds.from * 1000)} to ${formatTime(toMs)}`
    })
  const head = `Profiles before ${formatTime(expiredMs)} have expired`
  return gone.length === 0
    ? `${head}: values are whole, from ten-minute sums.`
    : `${head}: values of ${gone.join(' and of ')} are missing.`
}
