import { randomUUID } from 'node:crypto'
import { sql } from '../../infra/store/sql.ts'
import type { Measurement } from './measurement.ts'
import { batchHeaders, createService, encodeProfile, openBenchStore } from './profiles.ts'

export const name = 'ingest'

const HOSTS = 50
const WINDOWS = 40
const WINDOW_MS = 10_000

/** From gzip pprof of collectors to acknowledged rows, 50 hosts at a time; then the disk they took. */
export async function run(): Promise<readonly Measurement[]> {
  await using bench = await openBenchStore({ workers: 2 })
  const service = createService('checkout')
  const startMs = Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS - WINDOWS * WINDOW_MS
  const collectors = Array.from({ length: HOSTS }, () => randomUUID())
  const rounds = Array.from({ length: WINDOWS }, (_, round) =>
    collectors.map((collector, i) => {
      const labels = { service: 'checkout', version: 'v1', host: `host-${i}`, region: 'eu' }
      const at = startMs + round * WINDOW_MS
      const window = { service, labels, startMs: at, durationMs: WINDOW_MS }
      const headers = batchHeaders(collector, round + 1, window)
      return { headers, body: encodeProfile(window) }
    }),
  )
  const [warmUp = [], ...measured] = rounds
  await bench.ingest.write(warmUp)
  const start = performance.now()
  for (const batches of measured) {
    const results = await bench.ingest.write(batches)
    if (results.some(({ kind }) => kind === 'refused')) throw new Error('a batch was refused')
  }
  const seconds = (performance.now() - start) / 1000

  await bench.store.run(sql`OPTIMIZE TABLE profiles FINAL`)
  await bench.store.run(sql`OPTIMIZE TABLE stack_10m FINAL`)
  type Row = { readonly bytes: string; readonly pairs: string; readonly profiles: string }
  const [row] = await bench.store.rows<Row>(sql`
    SELECT (SELECT sum(bytes_on_disk) FROM system.parts
        WHERE active AND database = currentDatabase()) AS bytes,
      sum(n) AS pairs, count() AS profiles FROM profiles`)
  const { bytes, pairs, profiles } = row as Row
  return [
    {
      what: `profiles of ${Math.round(Number(pairs) / Number(profiles))} stacks, gzip pprof to stored`,
      value: ((WINDOWS - 1) * HOSTS) / seconds,
      unit: 'profiles/s',
      target: { atLeast: 1_000 },
    },
    {
      what: 'disk, all tables, per stored pair',
      value: Number(bytes) / Number(pairs),
      unit: 'bytes',
      target: { atMost: 3 },
    },
  ]
}
