import { randomUUID } from 'node:crypto'
import { silentLog } from '../../infra/runtime/log.ts'
import { createMetrics } from '../../infra/runtime/metrics.ts'
import { defaultOptions } from '../../infra/runtime/options.ts'
import { createQuery } from '../../query/main.ts'
import { queryOptions } from '../../query/options.ts'
import type { Measurement } from './measurement.ts'
import { quantile, timeCalls } from './measurement.ts'
import type { BenchStore } from './profiles.ts'
import { batchHeaders, createService, encodeProfile, openBenchStore } from './profiles.ts'

export const name = 'query'

const HOSTS = 20
const WINDOW_MS = 10_000
const WINDOWS = 360
const CALLS = 30

/** One hour of one service on 20 hosts, about 2.2 million pairs, two versions of half an hour each. */
export async function run(): Promise<readonly Measurement[]> {
  await using bench = await openBenchStore({ workers: 2 })
  const endMs = Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS
  await fill(bench, endMs - WINDOWS * WINDOW_MS)
  const query = createQuery({
    store: bench.store,
    log: silentLog(),
    metrics: createMetrics(),
    options: defaultOptions(queryOptions),
  })

  async function ask(path: string): Promise<void> {
    const answer = await query.app.request(path)
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    await answer.arrayBuffer()
  }

  const range = `from=${endMs - WINDOWS * WINDOW_MS}&to=${endMs}`
  const side = (key: string, version: string) =>
    `${key}=${encodeURIComponent(`{service="shop", version="${version}"}`)}`
  const everything = 'max_nodes=1000000&format=columns'
  const service = encodeURIComponent('{service="shop"}')
  const host = encodeURIComponent('{service="shop", host="host-3"}')
  const cases: [what: string, path: string, atMost?: number][] = [
    [
      'flame graph, 1 h, 20 hosts, every node, p50',
      `flamegraph?query=${service}&${range}&${everything}`,
      53,
    ],
    [
      'differential flame graph of two versions, same data, p50',
      `diff?${side('a', 'v1')}&${side('b', 'v2')}&${range}&${everything}`,
      58,
    ],
    [
      'flame graph of one host, 8,192 nodes, p50',
      `flamegraph?query=${host}&${range}&max_nodes=8192`,
    ],
    ['services, p50', `services?${range}`],
  ]
  const results: Measurement[] = []
  for (const [what, path, atMost] of cases) {
    const elapsed = await timeCalls(CALLS, () => ask(`/api/v1/${path}`))
    const value = quantile(elapsed, 0.5)
    results.push({ what, value, unit: 'ms', ...(atMost !== undefined && { target: { atMost } }) })
  }
  query.close()
  return results
}

async function fill({ ingest }: BenchStore, startMs: number): Promise<void> {
  const service = createService('shop')
  const collectors = Array.from({ length: HOSTS }, () => randomUUID())
  for (let first = 0; first < WINDOWS; first += 10) {
    const batches = Array.from({ length: 10 }, (_, i) => first + i).flatMap((round) =>
      collectors.map((collector, i) => {
        const version = round < WINDOWS / 2 ? 'v1' : 'v2'
        const labels = { service: 'shop', version, host: `host-${i}` }
        const at = startMs + round * WINDOW_MS
        const window = { service, labels, startMs: at, durationMs: WINDOW_MS }
        const headers = batchHeaders(collector, round + 1, window)
        return { headers, body: encodeProfile(window) }
      }),
    )
    await ingest.write(batches)
  }
}
