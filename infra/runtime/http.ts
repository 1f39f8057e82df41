import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { formatListen, isLoopback, listen, parseListen, refuseOpenListen } from './listen.ts'
import type { SiteOptions } from './site.ts'
import { createSite } from './site.ts'

export type HttpOptions = Omit<SiteOptions, 'loopbackHost'> & {
  /** `HOST:PORT`; port 0 takes any free one. */
  readonly listen: string
  /** Listens beyond this machine without tokens. */
  readonly insecure?: boolean
}

export type HttpServer = {
  /** Where a browser on this machine finds it, without a slash at the end. */
  readonly url: string
  /** Takes no further connection, lets answers under way finish for 5 s, then cuts them. */
  close(): Promise<void>
}

const GRACE_MS = 5_000

// Bounds for clients that send or read slowly on purpose: headers in 10 s, a whole request in 2
// minutes (64 MB at 5 Mbit/s), no socket without a byte in either direction for 2 minutes.
const SERVER_OPTIONS = {
  headersTimeout: 10_000,
  requestTimeout: 120_000,
  connectionsCheckingInterval: 2_000,
  // Collectors send every 10 s and should find their connection still open.
  keepAliveTimeout: 75_000,
  // A batch's account and notes travel in headers: at most 10 kB before they are percent-encoded.
  maxHeaderSize: 48 * 1024,
}
const IDLE_TIMEOUT_MS = 120_000
const MAX_CONNECTIONS = 4_096

/**
 * Serves the rooms' apps, the page and the operations' routes at one address. Throws
 * `option_invalid`, `listen_refused` or `address_in_use` with the remedy.
 */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const address = parseListen(options.listen)
  refuseOpenListen(address, options.tokens ?? [], options.insecure ?? false)
  const site = createSite({
    ...options,
    ...(isLoopback(address.host) && { loopbackHost: address.host }),
  })
  const server = createServer(
    SERVER_OPTIONS,
    getRequestListener(site.fetch, { overrideGlobalObjects: false }),
  )
  server.timeout = IDLE_TIMEOUT_MS
  server.maxConnections = MAX_CONNECTIONS
  const port = await listen(server, address)
  const url = `http://${formatListen({ host: reachableHost(address.host), port })}`
  options.log.info({ url }, 'listening')

  let closing: Promise<void> | undefined
  function close(): Promise<void> {
    closing ??= new Promise((resolve) => {
      const cut = setTimeout(() => server.closeAllConnections(), GRACE_MS)
      // A connection whose last answer went out after close() began would be kept alive.
      const sweep = setInterval(() => server.closeIdleConnections(), 50)
      server.close(() => {
        clearTimeout(cut)
        clearInterval(sweep)
        resolve()
      })
    })
    return closing
  }
  return { url, close }
}

function reachableHost(host: string): string {
  return host === '' || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
}
