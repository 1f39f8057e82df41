import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { ingestOptions } from '../../../ingest/options.ts'
import { queryOptions } from '../../../query/options.ts'
import { defaultOptions, defineOptions } from '../../runtime/options.ts'
import { storeOptions } from '../../store/options.ts'
import { sql } from '../../store/sql.ts'
import type { Store } from '../../store/store.ts'
import { defineCommand, EXIT } from '../command.ts'
import { httpOptions } from '../options.ts'
import { startServer } from '../server.ts'
import { createBatchMaker } from './batches.ts'
import { createFleet, PLANTED } from './fleet.ts'
import { replay } from './replay.ts'

const HISTORY_MS = 2 * 3_600_000

const demoOptions = defineOptions({
  listen: {
    ...httpOptions.listen,
    default: '127.0.0.1:3527',
    help: 'Address of page and API; another than `flamewatch up` has, so that both can run.',
  },
  data: {
    flag: '--data <dir>',
    schema: z.string().min(1, 'expected a directory').optional(),
    help: 'Directory to keep the simulated profiles in; without it they go when the demo ends.',
  },
})

/** `flamewatch demo`: a simulated fleet through the real ingest, store, query and page. */
export const command = defineCommand({
  options: demoOptions,
  async run(context) {
    const { options, lifecycle, log, print, tell } = context
    const data = options.data ?? mkdtempSync(join(tmpdir(), 'flamewatch-demo-'))
    if (options.data === undefined)
      lifecycle.add('data', { close: () => rmSync(data, { recursive: true }) })
    const { url, store, ingest } = await startServer(
      context,
      {
        ...defaultOptions({ ...httpOptions, ...storeOptions }),
        ...{ data, listen: options.listen },
      },
      {
        ingest: defaultOptions(ingestOptions),
        query: { ...defaultOptions(queryOptions), local: () => null },
      },
    )
    if (!ingest) throw new Error('the demo has no ingest')

    const now = Date.now()
    const stored = await findStoredRange(store)
    const startMs = stored?.startMs ?? now - HISTORY_MS
    const fleet = createFleet(startMs)
    tell(`simulating two hours of ${fleet.hosts.length} hosts …`)
    const player = await replay({
      make: createBatchMaker(fleet, now),
      write: (batches) => ingest.write(batches),
      fromMs: Math.max(stored?.endMs ?? startMs, now - HISTORY_MS),
      clock: Date.now,
      log,
    })
    lifecycle.add('demo', player)
    const stopped = lifecycle.untilSignal()
    print(`Flamewatch's demo is at ${url}`)
    const { service, baseline, candidate } = PLANTED
    print('')
    print(
      `  ${fleet.hosts.length} simulated hosts run three services. ${service} was deployed twice;`,
    )
    print(`  ${candidate} made something slower. Find it in the comparison with ${baseline}:`)
    print(`  ${url}/s/${service}/diff?from=now-2h&a=${baseline}&b=${candidate}`)
    await stopped
    return EXIT.ok
  },
})

// A directory that was used before goes on where it ended, with its deploys where they were.
async function findStoredRange(
  store: Store,
): Promise<{ readonly startMs: number; readonly endMs: number } | null> {
  type Row = { readonly batches: string; readonly start_ms: string; readonly end_ms: string }
  const [row] = await store.rows<Row>(sql`
    SELECT count() AS batches, toUnixTimestamp64Milli(min(window_start)) AS start_ms,
      toUnixTimestamp64Milli(max(window_end)) AS end_ms
    FROM batches`)
  if (row === undefined || Number(row.batches) === 0) return null
  return { startMs: Number(row.start_ms), endMs: Number(row.end_ms) }
}
