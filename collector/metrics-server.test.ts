import { afterEach, expect, test } from 'vitest'
import { createMetrics } from '../infra/runtime/metrics.ts'
import { type MetricsServer, serveMetrics } from './metrics-server.ts'

let server: MetricsServer | null = null
afterEach(async () => {
  await server?.close()
  server = null
})

async function serve(): Promise<string> {
  const metrics = createMetrics()
  metrics.counter('flamewatch_example_total', 'An example.').inc()
  server = await serveMetrics(metrics, '127.0.0.1:0', false)
  return server.url
}

test('serves metrics in the form of Prometheus, and says that it lives', async () => {
  const url = await serve()
  const answer = await fetch(url)
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=/)
  expect(await answer.text()).toContain('flamewatch_example_total 1')
  expect(await (await fetch(new URL('/healthz', url))).text()).toBe('ok\n')
})

test('refuses what it does not serve', async () => {
  const url = await serve()
  expect((await fetch(new URL('/else', url))).status).toBe(404)
  const posted = await fetch(url, { method: 'POST', body: 'x' })
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
})

test('is not reachable from elsewhere unless that was said', async () => {
  const refused = serveMetrics(createMetrics(), '0.0.0.0:0', false)
  await expect(refused).rejects.toMatchObject({ code: 'listen_refused' })
  server = await serveMetrics(createMetrics(), '0.0.0.0:0', true)
  expect((await fetch(server.url)).status).toBe(200)
})
