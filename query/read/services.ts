import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { sql } from '../../infra/store/sql.ts'
import type { Selector } from '../selector.ts'
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
