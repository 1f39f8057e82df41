import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { FlamewatchError } from '../infra/runtime/errors.ts'
import { formatListen, isLoopback, listen, parseListen } from '../infra/runtime/listen.ts'
import type { Metrics } from '../infra/runtime/metrics.ts'

// What Prometheus scrapes from a collector that runs alone. No more than Node's own server: the rest of
// what an HTTP server here could need would be memory on every host.

export type MetricsServer = { readonly url: string; close(): Promise<void> }

// Of clients that send or read slowly on purpose.
const LIMITS = { headersTimeout: 5_000, requestTimeout: 10_000, maxHeaderSize: 8 * 1024 }
const MAX_CONNECTIONS = 16

/**
 * Serves `GET /metrics` and `GET /healthz` at `HOST:PORT`; port 0 takes any free one. Throws
 * `option_invalid`, `listen_refused` beyond this machine unless `insecure`, or `address_in_use`.
 */
export async function serveMetrics(
  metrics: Metrics,
  address: string,
  insecure: boolean,
): Promise<MetricsServer> {
  const at = parseListen(address)
  if (!isLoopback(at.host) && !insecure)
    throw new FlamewatchError(
      'listen_refused',
      `Metrics at ${formatListen(at)} could be read by anybody who can connect.`,
      { hint: 'Use 127.0.0.1, or pass --insecure if the network itself keeps strangers out.' },
    )
  const server = createServer(LIMITS, (request, response) => {
    answer(metrics, request, response).catch(() => response.destroy())
  })
  server.maxConnections = MAX_CONNECTIONS
  const port = await listen(server, at)
  // It must not keep the process alive.
  server.unref()
  const host = at.host === '' || at.host === '0.0.0.0' || at.host === '::' ? '127.0.0.1' : at.host
  return { url: `http://${formatListen({ host, port })}/metrics`, close: () => close(server) }
}

async function answer(
  { registry }: Metrics,
  { method, url }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = url?.split('?')[0]
  if (path !== '/metrics' && path !== '/healthz')
    return void response.writeHead(404).end('There is /metrics and /healthz.\n')
  if (method !== 'GET' && method !== 'HEAD')
    return void response.writeHead(405, { Allow: 'GET, HEAD' }).end()
  const isMetrics = path === '/metrics'
  const body = isMetrics ? await registry.metrics() : 'ok\n'
  response.writeHead(200, { 'Content-Type': isMetrics ? registry.contentType : 'text/plain' })
  response.end(method === 'HEAD' ? undefined : body)
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
