import { queryOptions } from '../../query/options.ts'
import { storeOptions } from '../store/options.ts'
import { defineCommand, EXIT } from './command.ts'
import { httpOptions } from './options.ts'
import { startServer } from './server.ts'

/** `flamewatch serve`: page and API of a fleet. */
export const command = defineCommand({
  options: { ...httpOptions, ...storeOptions, ...queryOptions },
  async run(context) {
    const { options, lifecycle, print } = context
    const { url } = await startServer(context, options, {
      query: { ...options, local: () => null },
    })
    const stopped = lifecycle.untilSignal()
    print(`Flamewatch is at ${url}`)
    await stopped
    return EXIT.ok
  },
})
