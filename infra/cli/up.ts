import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { collectorOptions } from '../../collector/options.ts'
import { ingestOptions } from '../../ingest/options.ts'
import { queryOptions } from '../../query/options.ts'
import { storeOptions } from '../store/options.ts'
import type { CollectorProcess } from './collector-process.ts'
import { superviseCollector } from './collector-process.ts'
import type { CommandContext } from './command.ts'
import { defineCommand, EXIT } from './command.ts'
import { httpOptions, upOptions } from './options.ts'
import { startServer } from './server.ts'

const { server: _server, token: _token, ...samplingOptions } = collectorOptions

const options = {
  ...httpOptions,
  ...storeOptions,
  ...upOptions,
  ...samplingOptions,
  ...ingestOptions,
  ...queryOptions,
}

/** `flamewatch up`: everything one machine needs. */
export const command = defineCommand({
  options,
  async run(context) {
    const { options, lifecycle, print } = context
    let collector: CollectorProcess | null = null
    const { url } = await startServer(context, options, {
      ingest: options,
      query: { ...options, local: () => collector?.state() ?? null },
      collectorMetrics: async () => (await collector?.metrics()) ?? '',
    })
    if (!options.noCollect) collector = lifecycle.add('collector', startCollector(context, url))
    // Before the address is known, so that who reads it can already stop this.
    const stopped = lifecycle.untilSignal()
    print(`Flamewatch is at ${url}`)
    await stopped
    return EXIT.ok
  },
})

function startCollector(
  { environment, options: { tokens, data }, log, tell }: CommandContext<typeof options>,
  url: string,
): CollectorProcess {
  // The launcher knows how a collector is to be run.
  const launcher = fileURLToPath(new URL('flamewatch.sh', import.meta.url))
  const env = {
    ...process.env,
    // Two of `up` on one machine keep their batches apart.
    FLAMEWATCH_SPOOL: join(data, 'spool'),
    ...environment,
    FLAMEWATCH_SERVER: url,
    // A fleet's, which this is not.
    FLAMEWATCH_KAFKA_BROKERS: undefined,
    ...(tokens[0] !== undefined && { FLAMEWATCH_TOKEN: tokens[0] }),
  }
  return superviseCollector({
    // In a group of its own: Ctrl-C is for `up`, which ends the collector first and the server after.
    start: () =>
      spawn('sh', [launcher, 'collect'], {
        env,
        detached: true,
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      }),
    log: log.child({ room: 'collector' }),
    onState: ({ state, message, hint }) => {
      if (state === 'sampling') tell('sampling this machine')
      else if (message)
        tell(`this machine is not sampled: ${[message, hint].filter(Boolean).join(' ')}`)
    },
  })
}
