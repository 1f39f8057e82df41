import { z } from 'zod'
import type { AuditAnswer } from '../../query/api.ts'
import { errorMessage, FlamewatchError } from '../runtime/errors.ts'
import { defaultOptions, defineOptions } from '../runtime/options.ts'
import { serverOptions } from '../runtime/server-options.ts'
import { storeOptions } from '../store/options.ts'
import { formatAudit } from './audit-table.ts'
import { askServer } from './client.ts'
import type { CommandContext } from './command.ts'
import { defineCommand, EXIT } from './command.ts'

// A server's own store is asked by that server: the embedded one is open in one process only.
const { data: _data, ...remoteStoreOptions } = storeOptions

const options = defineOptions({
  since: {
    flag: '--since <duration>',
    schema: z.string().regex(/^[1-9]\d{0,5}[smhd]$/, 'expected a duration such as 1h'),
    default: '1h',
    help: 'How far back; not beyond the days single profiles are kept.',
  },
  format: {
    flag: '--format <format>',
    schema: z.enum(['table', 'json'], { error: 'expected table or json' }),
    default: 'table',
    help: 'Table for people, or JSON.',
  },
  ...serverOptions,
  ...remoteStoreOptions,
})

/** `flamewatch audit`: is everything stored that was sent, and once? */
export const command = defineCommand({
  options,
  notes:
    'Asks --server, or the ClickHouse server of --store-url itself. Ends with 1 when anything is missing or doubled.',
  async run(context) {
    const { options, print } = context
    const parameters = { from: `now-${options.since}` }
    const text = options.storeUrl
      ? await askStore(context, parameters)
      : await askServer(options, '/api/v1/audit', parameters)
    // The server is of this release, or says otherwise by what it refuses.
    const answer = JSON.parse(text) as AuditAnswer
    if (options.format === 'json') print(text)
    else for (const line of formatAudit(answer)) print(line)
    return answer.fine ? EXIT.ok : EXIT.badNews
  },
})

/** The same answer without a server between: by the query room in this process. */
async function askStore(
  { options, log, metrics, lifecycle }: CommandContext<typeof command.options>,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const { openStore } = await import('../store/open.ts')
  const { createQuery } = await import('../../query/main.ts')
  const { queryOptions } = await import('../../query/options.ts')
  const embedded = defaultOptions({ data: storeOptions.data })
  try {
    const store = lifecycle.add('store', await openStore({ ...options, ...embedded }, { log }))
    const deps = { store, log, metrics, options: defaultOptions(queryOptions) }
    const { app } = lifecycle.add('query', createQuery(deps))
    const answer = await app.request(`/api/v1/audit?${new URLSearchParams(parameters)}`)
    const text = await answer.text()
    if (answer.ok) return text
    throw new FlamewatchError('store_error', `The audit was not answered: ${errorMessage(text)}`)
  } finally {
    await lifecycle.close()
  }
}
