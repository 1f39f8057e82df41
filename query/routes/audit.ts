import type { OpenAPIHono } from '@hono/zod-openapi'
import { createRoute, z } from '@hono/zod-openapi'
import { AuditAnswer } from '../api.ts'
import type { QueryContext } from '../context.ts'
import { ask } from '../context.ts'
import { json, rangeOf, timeParameters } from '../parameters.ts'
import { readLedger } from '../read/account.ts'
import { readNumbers, readRows, readUnequalSums } from '../read/audit.ts'
import { formatTime } from '../time.ts'
import { addUp } from './hosts.ts'

const route = createRoute({
  method: 'get',
  path: '/api/v1/audit',
  summary: 'What collectors say they sent against what is stored',
  description:
    'Profiles older than the days they are kept are lacking: ask for a range within those days.',
  request: { query: z.object(timeParameters) },
  responses: json(AuditAnswer, 'Each collector with what is missing, lacking and doubled.'),
})

const NO_ROWS = { sent: 0, lacking: 0, doubled: 0 }

export function addAudit(app: OpenAPIHono, context: QueryContext): void {
  app.openapi(route, (c) => {
    const range = rangeOf(context, c.req.valid('query'))
    return ask(context, c, async (reader) => {
      const ledger = await readLedger(reader, range)
      const numbers = new Map((await readNumbers(reader, range)).map((one) => [one.collector, one]))
      const rows = new Map((await readRows(reader, range)).map((one) => [one.collector, one]))
      const unequalSums = await readUnequalSums(reader, range)
      const collectors = ledger.map((one) => {
        const { stored = 0, missing = 0, spooled = 0 } = numbers.get(one.collector) ?? {}
        const { profiles = NO_ROWS, stacks = NO_ROWS } = rows.get(one.collector) ?? {}
        return {
          ...{ collector: one.collector, host: one.host, lastBatch: formatTime(one.lastMs) },
          batches: { sent: stored + missing + spooled, stored, spooled, missing },
          ...{ profiles, stacks, account: addUp([one]) },
        }
      })
      const fine = collectors.every(isFine) && unequalSums.length === 0
      const { fromMs, toMs } = range
      const times = { from: formatTime(fromMs), to: formatTime(toMs) }
      return c.json({ ...times, fine, collectors, unequalSums }, 200)
    })
  })
}

// What waits in a spool and what was dropped under a reason is known: neither is a fault here.
function isFine(one: z.infer<typeof AuditAnswer>['collectors'][number]): boolean {
  const faults = [one.profiles, one.stacks].flatMap(({ lacking, doubled }) => [lacking, doubled])
  return [...faults, one.batches.missing, one.account.unaccounted].every((count) => count === 0)
}
