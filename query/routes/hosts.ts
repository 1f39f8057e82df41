import type { OpenAPIHono } from '@hono/zod-openapi'
import { createRoute, z } from '@hono/zod-openapi'
import { DROP_REASONS, STACK_FAULTS, unaccounted } from '../../infra/contract/account.ts'
import type { AccountBody } from '../api.ts'
import { AccountAnswer, CollectorsAnswer, HostsAnswer } from '../api.ts'
import type { QueryContext } from '../context.ts'
import { ask } from '../context.ts'
import { json, rangeOf, timeParameters } from '../parameters.ts'
import type { AccountSums } from '../read/account.ts'
import { readLedger, readTypeAccounts } from '../read/account.ts'
import { readHosts } from '../read/hosts.ts'
import { formatTime } from '../time.ts'

const query = z.object(timeParameters)

const hostsRoute = createRoute({
  method: 'get',
  path: '/api/v1/hosts',
  summary: 'Hosts seen in the range, the busiest first',
  request: { query },
  responses: json(HostsAnswer, 'Hosts.'),
})

const collectorsRoute = createRoute({
  method: 'get',
  path: '/api/v1/collectors',
  summary: 'Who sends, and how the collector beside this server fares',
  request: { query },
  responses: json(CollectorsAnswer, 'Collectors.'),
})

const accountRoute = createRoute({
  method: 'get',
  path: '/api/v1/account',
  summary: 'The account of samples: taken = idle + filtered + kept + dropped by reason',
  request: { query },
  responses: json(AccountAnswer, 'Accounts of all batches that arrived, and what is missing.'),
})

export function addHosts(app: OpenAPIHono, context: QueryContext): void {
  app.openapi(hostsRoute, (c) => {
    const range = rangeOf(context, c.req.valid('query'))
    return ask(context, c, async (reader) => c.json({ hosts: await readHosts(reader, range) }, 200))
  })
  app.openapi(collectorsRoute, (c) => {
    const range = rangeOf(context, c.req.valid('query'))
    return ask(context, c, async (reader) => {
      const ledger = await readLedger(reader, range)
      const collectors = ledger.map(({ collector, host, lastMs, batches, missing, notes }) => ({
        collector,
        host,
        lastBatch: formatTime(lastMs),
        batches,
        missing,
        notes: [...notes],
      }))
      return c.json({ collectors, local: context.local() }, 200)
    })
  })
  app.openapi(accountRoute, (c) => {
    const range = rangeOf(context, c.req.valid('query'))
    return ask(context, c, async (reader) => {
      const ledger = await readLedger(reader, range)
      const types = await readTypeAccounts(reader, range)
      const answer = {
        from: formatTime(range.fromMs),
        to: formatTime(range.toMs),
        total: addUp(ledger),
        missingBatches: ledger.reduce((sum, { missing }) => sum + missing, 0),
        collectors: ledger.map((one) => ({
          collector: one.collector,
          host: one.host,
          account: addUp([one]),
          missingBatches: one.missing,
        })),
        types: types.map((one) => ({ type: one.type, account: addUp([one]) })),
        reasons: REASONS,
      }
      return c.json(answer, 200)
    })
  })
}

const REASONS: Record<string, string> = {
  ...Object.fromEntries(Object.entries(DROP_REASONS).map(([reason, { text }]) => [reason, text])),
  ...STACK_FAULTS,
}

/** Accounts of several collectors as one. */
export function addUp(ledger: readonly AccountSums[]): z.infer<typeof AccountBody> {
  const sum = { taken: 0, idle: 0, filtered: 0, kept: 0 }
  const dropped: Record<string, number> = {}
  const faults: Record<string, number> = {}
  for (const one of ledger) {
    sum.taken += one.taken
    sum.idle += one.idle
    sum.filtered += one.filtered
    sum.kept += one.kept
    for (const [reason, n] of Object.entries(one.dropped))
      dropped[reason] = (dropped[reason] ?? 0) + n
    for (const [fault, n] of Object.entries(one.faults)) faults[fault] = (faults[fault] ?? 0) + n
  }
  const account = { ...sum, dropped, faults }
  return { ...account, unaccounted: unaccounted(account) }
}
