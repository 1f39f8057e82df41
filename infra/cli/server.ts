import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Consuming, Ingest } from '../../ingest/main.ts'
import type { ConsumerOptions, IngestOptions } from '../../ingest/options.ts'
import type { CollectorsAnswer } from '../../query/api.ts'
import type { QueryOptions } from '../../query/options.ts'
import type { KafkaOptions } from '../kafka/options.ts'
import type { OptionValues } from '../runtime/options.ts'
import type { StoreOptions } from '../store/options.ts'
import type { Store } from '../store/store.ts'
import type { CommandContext } from './command.ts'
import type { httpOptions } from './options.ts'
import { PAGE_DIRECTORY } from './options.ts'

export type ServerOptions = OptionValues<typeof httpOptions> & StoreOptions

export type Rooms = {
  readonly ingest?: IngestOptions
  /** Ingest takes batches from there, too. */
  readonly kafka?: KafkaOptions & ConsumerOptions
  readonly query?: QueryOptions & { readonly local: () => CollectorsAnswer['local'] }
  /** Metrics of the collector beside this process. */
  readonly collectorMetrics?: () => Promise<string>
}

export type Server = {
  readonly url: string
  readonly store: Store
  /** Null unless it was among the rooms. */
  readonly ingest: Ingest | null
  readonly consuming: Consuming | null
}

/**
 * Opens the store and serves the rooms given, at one address; with query comes the page. Everything
 * is added to the lifecycle, which closes it in reverse order.
 */
export async function startServer(
  { log, metrics, lifecycle }: Pick<CommandContext, 'log' | 'metrics' | 'lifecycle'>,
  options: ServerOptions,
  rooms: Rooms,
): Promise<Server> {
  const { openStore } = await import('../store/open.ts')
  const { serveHttp } = await import('../runtime/http.ts')
  const store = lifecycle.add(
    'store',
    await openStore(options, { log: log.child({ room: 'store' }), metrics }),
  )
  const apps: OpenAPIHono[] = []
  let ingest: Ingest | null = null
  let consuming: Consuming | null = null
  if (rooms.ingest) {
    const { createIngest } = await import('../../ingest/main.ts')
    const deps = { store, log: log.child({ room: 'ingest' }), metrics, options: rooms.ingest }
    ingest = lifecycle.add('ingest', createIngest(deps))
    apps.push(ingest.app)
    if (rooms.kafka) consuming = lifecycle.add('kafka', await ingest.consume(rooms.kafka))
  }
  if (rooms.query) {
    const { createQuery } = await import('../../query/main.ts')
    const { local, ...queryOptions } = rooms.query
    const deps = { store, log: log.child({ room: 'query' }), metrics, options: queryOptions, local }
    apps.push(lifecycle.add('query', createQuery(deps)).app)
  }
  const server = await serveHttp({
    apps,
    listen: options.listen,
    tokens: options.tokens,
    insecure: options.insecure,
    ...(rooms.query &&
      existsSync(join(PAGE_DIRECTORY, 'index.html')) && { uiDirectory: PAGE_DIRECTORY }),
    ready: async () => {
      await store.ping()
      await consuming?.ready()
    },
    ...(rooms.collectorMetrics && { otherMetrics: rooms.collectorMetrics }),
    log: log.child({ room: 'http' }),
    metrics,
  })
  lifecycle.add('http', server)
  return { url: server.url, store, ingest, consuming }
}
