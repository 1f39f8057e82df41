import { ingestOptions } from '../../ingest/options.ts'
import { storeOptions } from '../store/options.ts'
import { defineCommand, EXIT } from './command.ts'
import { httpOptions } from './options.ts'
import { startServer } from './server.ts'

/** `flamewatch ingest`: the doors of a fleet. */
export const command = defineCommand({
  options: { ...httpOptions, ...storeOptions, ...ingestOptions },
  async run(context) {
    const { options, lifecycle, print } = context
    const { url } = await startServer(context, options, { ingest: options })
    const stopped = lifecycle.untilSignal()
    print(`Flamewatch takes profiles at ${url}`)
    await stopped
    return EXIT.ok
  },
})
