import { randomUUID } from 'node:crypto'
import { sql } from '../../infra/store/sql.ts'
import type { Measurement } from './measurement.ts'
import { batchHeaders, createService, encodeProfile, openBenchStore } from './profiles.ts'

export const name = 'ingest'

// Senders at the same time, each with the batches of so many hosts.
const STREAMS = 4
const HOSTS = 25
const WINDOWS = 20
const WINDOW_MS = 10_000

/** From gzip pprof of collectors to acknowledged rows; then the disk they took. */
export async function run(): Promise<readonly Measurement[]> {
  await using bench = await openBenchStore({ workers: 2 })
  const startMs = Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS - WINDOWS * WINDOW_MS
  const streams = Array.from({ length: STREAMS }, (_, stream) => makeRounds(stream, startMs))

  async function send(batches: readonly Batch[]): Promise<void> {
    const results = await bench.ingest.write(batches)
    if (results.some(({ kind }) => kind === 'refused')) throw new Error('a batch was refused')
  }

  await Promise.all(streams.map(([warmUp = []]) => send(warmUp)))
  const start = performance.now()
  await Promise.all(
    streams.map(async ([, ...rounds]) => {
      for (const batches of rounds) await send(batches)
    }),
  )
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
      value: (STREAMS * HOSTS * (WINDOWS - 1)) / seconds,
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

type Batch = { readonly headers: Record<string, string>; readonly body: Uint8Array }

/** The batches of one stream's hosts, window by window. */
function makeRounds(stream: number, startMs: number): readonly (readonly Batch[])[] {
  const service = createService('checkout')
  const collectors = Array.from({ length: HOSTS }, () => randomUUID())
  return Array.from({ length: WINDOWS }, (_, round) =>
    collectors.map((collector, i) => {
      const labels = { service: 'checkout', version: 'v1', host: `host-${stream}-${i}` }
      const at = startMs + round * WINDOW_MS
      const window = { service, labels, startMs: at, durationMs: WINDOW_MS }
      const headers = batchHeaders(collector, round + 1, window)
      return { headers, body: encodeProfile(window) }
    }),
  )
}
