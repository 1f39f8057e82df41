import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { KafkaPublisher } from '../../collector/kafka-publisher.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { sql } from '../../infra/store/sql.ts'
import { type Fleet, startFleet } from '../fixtures/kafka/fleet.ts'
import { optionsFor } from '../fixtures/kafka/make-topic.ts'
import type { RunningServer } from '../fixtures/running-server.ts'
import type { Measurement } from './measurement.ts'
import { batchHeaders, createService, encodeProfile } from './profiles.ts'

export const name = 'fleet'

const COLLECTORS = 16
const WINDOWS = 160
const WINDOW_MS = 10_000
const TICKS_PER_SECOND = 100 // of /proc/PID/stat, on every Linux there is
const PROFILES = COLLECTORS * WINDOWS
// Stored before the measurement begins: compilers are warm, the group has its partitions.
const WARM_UP = 400

type Batch = { readonly headers: Record<string, string>; readonly body: Uint8Array }
/** Seconds of processor time. */
type Used = Readonly<Record<'broker' | 'ingest' | 'here', number>>

/**
 * From the spool of collectors through a real broker and two ingest processes to stored rows. First all is
 * produced, then all is consumed, so that each piece's processor time can be told apart: this process is
 * the collectors first, and then the store.
 */
export async function run(): Promise<readonly Measurement[]> {
  const service = createService('checkout')
  const startMs = Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS - WINDOWS * WINDOW_MS
  const collectors = Array.from({ length: COLLECTORS }, (_, i): Batch[] => {
    const id = randomUUID()
    const labels = { service: 'checkout', version: 'v1', host: `host-${i}` }
    return Array.from({ length: WINDOWS }, (_, n) => {
      const window = { service, labels, startMs: startMs + n * WINDOW_MS, durationMs: WINDOW_MS }
      return { headers: batchHeaders(id, n + 1, window), body: encodeProfile(window) }
    })
  })
  await using fleet = await startFleet({ partitions: 8 })

  const beforeProducing = usedBy(fleet, [])
  const producedIn = await timed(() => Promise.all(collectors.map((own) => produce(fleet, own))))
  const producing = since(beforeProducing, usedBy(fleet, []))

  await using first = await fleet.startIngest({ options: ['--kafka-linger-ms', '500'] })
  await using second = await fleet.startIngest({ options: ['--kafka-linger-ms', '500'] })
  const ingests = [first, second]
  const warm = await untilStored(fleet, WARM_UP)
  const beforeConsuming = usedBy(fleet, ingests)
  const consumedIn = await timed(() => untilStored(fleet, PROFILES))
  const consuming = since(beforeConsuming, usedBy(fleet, ingests))
  const consumed = PROFILES - warm.profiles
  const [total] = await fleet.store.rows<{ pairs: string }>(sql`
    SELECT sum(n) AS pairs FROM profiles`)
  const stacks = Number(total?.pairs) / PROFILES

  const perThousand = {
    collectors: (producing.here / PROFILES) * 1000,
    broker: (producing.broker / PROFILES + consuming.broker / consumed) * 1000,
    ingest: (consuming.ingest / consumed) * 1000,
    store: (consuming.here / consumed) * 1000,
  }
  const seconds = Object.values(perThousand).reduce((sum, s) => sum + s, 0)
  const of = `profiles of ${Math.round(stacks)} stacks`
  return [
    { what: `${of}, produced (acks=all)`, value: PROFILES / producedIn, unit: 'profiles/s' },
    { what: `${of}, topic to stored`, value: consumed / consumedIn, unit: 'profiles/s' },
    { what: 'the same', value: (consumed * stacks) / consumedIn, unit: 'stacks/s' },
    {
      what: `${of}, whole way, by the processor time of two cores`,
      value: 2000 / seconds,
      unit: 'profiles/s',
    },
    ...Object.entries(perThousand).map(([piece, value]) => ({
      what: `processor time per 1,000 profiles: ${piece}`,
      value,
      unit: 's',
    })),
  ]
}

/** One collector's: each batch when the one before is acknowledged. */
async function produce(fleet: Fleet, batches: readonly Batch[]): Promise<void> {
  const options = optionsFor(fleet.broker.address, { kafkaTopic: fleet.client.topic })
  const publisher = await KafkaPublisher.create(options, silentLog())
  const never = new AbortController().signal
  for (const batch of batches) {
    const result = await publisher.publish(batch, never)
    if (result.kind !== 'stored') throw new Error(result.detail)
  }
  await publisher.close()
}

async function untilStored(fleet: Fleet, wanted: number): Promise<{ profiles: number }> {
  for (;;) {
    const [row] = await fleet.store.rows<{ n: string }>(sql`SELECT count() AS n FROM profiles`)
    const profiles = Number(row?.n)
    if (profiles >= wanted) return { profiles }
    await setTimeout(100)
  }
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await run()
  return (performance.now() - start) / 1000
}

function usedBy(fleet: Fleet, ingests: readonly RunningServer[]): Used {
  const { user, system } = process.cpuUsage()
  return {
    broker: cpuSeconds(fleet.broker.pid),
    ingest: ingests.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0),
    here: (user + system) / 1e6,
  }
}

function since(before: Used, after: Used): Used {
  return {
    broker: after.broker - before.broker,
    ingest: after.ingest - before.ingest,
    here: after.here - before.here,
  }
}

// Fields 14 and 15 of proc_pid_stat(5); the second may have spaces in it.
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}
