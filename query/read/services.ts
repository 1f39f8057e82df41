import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { joinSql, sql } from '../../infra/store/sql.ts'
import type { Selector } from '../selector.ts'
import { anchored } from '../selector-sql.ts'
import type { TimeRange } from '../time.ts'
import type { Reader } from './reader.ts'
import { seriesWhere } from './scope.ts'

const MAX_SERVICES = 1000

/** Every service the selector may match in the range, without asking where it names one. */
export async function findServices(
  reader: Reader,
  selector: Selector,
  range: TimeRange,
): Promise<string[]> {
  await checkPatterns(reader, selector)
  const named = selector.find(({ name, operator }) => name === 'service' && operator === '=')
  if (named !== undefined) return [named.value]
  const rows = await reader.rows<{ service: string }>(sql`SELECT DISTINCT service FROM series
    WHERE ${seriesWhere(reader.tenant, selector, range)} ORDER BY service LIMIT ${MAX_SERVICES + 1}`)
  if (rows.length > MAX_SERVICES)
    throw new FlamewatchError(
      'query_limit',
      `The selector matches more than ${MAX_SERVICES} services.`,
      { hint: 'Name the services you mean: {service=~"shop-.*"}.', status: 422 },
    )
  return rows.map(({ service }) => service)
}

/**
 * Regular expressions are RE2's, which only the store has: it is asked about each before use, so
 * that a wrong one is the client's error. Throws `malformed`.
 */
export async function checkPatterns(reader: Reader, selector: Selector): Promise<void> {
  for (const { name, operator, value } of selector) {
    if (operator !== '=~' && operator !== '!~') continue
    // Some pattern the store takes, the wrapping group then closes it: `a)|(b`.
    const tests = [sql`match('', ${value})`, sql`match('', ${anchored(value)})`]
    try {
      await reader.rows(sql`SELECT ${joinSql(tests, ', ')}`)
    } catch (cause) {
      if (!(cause instanceof FlamewatchError) || cause.code !== 'store_error' || cause.retriable)
        throw cause
      throw new FlamewatchError(
        'malformed',
        `The regular expression of label ${name} cannot be used: ${JSON.stringify(value.slice(0, 200))}.`,
        {
          hint: 'The syntax is RE2 (https://github.com/google/re2/wiki/Syntax): no look-around, no back-references.',
          status: 400,
          cause,
        },
      )
    }
  }
}
