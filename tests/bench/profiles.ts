import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as pprof from 'pprof-format'
import { createRandom } from '../../infra/cli/demo/random.ts'
import { formatBatchHeaders } from '../../infra/contract/batch.ts'
import type { Labels } from '../../infra/contract/labels.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { createMetrics } from '../../infra/runtime/metrics.ts'
import { defaultOptions } from '../../infra/runtime/options.ts'
import { openStore } from '../../infra/store/open.ts'
import { storeOptions } from '../../infra/store/options.ts'
import type { Store } from '../../infra/store/store.ts'
import type { Ingest } from '../../ingest/main.ts'
import { createIngest } from '../../ingest/main.ts'
import { ingestOptions } from '../../ingest/options.ts'

// Profiles of the size design.md's targets are about: about 300 stacks each, drawn from the few
// thousand a service has, about 36 frames deep on average: 140 kB of pprof, 39 kB of gzip.

const STACKS_PER_PROFILE = 306
const STACKS_PER_SERVICE = 4_000
const PERIOD_NS = 10_101_010

type Service = {
  readonly functions: readonly string[]
  /** Indexes of functions, leaf first. */
  readonly stacks: readonly (readonly number[])[]
}

export function createService(seed: string): Service {
  const random = createRandom('bench', seed)
  const pick = (below: number) => Math.floor(random() * below)
  const functions = Array.from(
    { length: 2_000 },
    (_, i) => `product::module${pick(40)}::Component${i}::method(int)`,
  )
  // A stack is an earlier one that leaves it somewhere, as calls do.
  const stacks: number[][] = [Array.from({ length: 30 }, () => pick(functions.length))]
  while (stacks.length < STACKS_PER_SERVICE) {
    const parent = (stacks[pick(stacks.length)] as number[]).slice(pick(12))
    const callees = Array.from({ length: Math.min(1 + pick(12), 60 - parent.length) }, () =>
      pick(functions.length),
    )
    stacks.push([...callees, ...parent])
  }
  return { functions, stacks }
}

export type WindowOptions = {
  readonly service: Service
  readonly labels: Labels
  readonly startMs: number
  readonly durationMs: number
}

/** gzip pprof of one window of one series. */
export function encodeProfile({ service, labels, startMs, durationMs }: WindowOptions): Uint8Array {
  const random = createRandom('window', labels['host'] ?? '', startMs)
  const strings = new pprof.StringTable()
  const ids = new Map<number, number>()
  const functions: pprof.Function[] = []
  const location: pprof.Location[] = []

  function locationId(index: number): number {
    const known = ids.get(index)
    if (known !== undefined) return known
    const id = ids.size + 1
    ids.set(index, id)
    const name = strings.dedup(service.functions[index] as string)
    functions.push(new pprof.Function({ id, name, systemName: name }))
    const line = [new pprof.Line({ functionId: id })]
    location.push(new pprof.Location({ id, mappingId: 1, address: 0x1000 + id * 64, line }))
    return id
  }

  const label = Object.entries(labels).map(
    ([key, str]) => new pprof.Label({ key: strings.dedup(key), str: strings.dedup(str) }),
  )
  // The square makes some stacks hot and most rare.
  const chosen = new Set<number>()
  while (chosen.size < STACKS_PER_PROFILE)
    chosen.add(Math.floor(random() ** 2 * service.stacks.length))
  const sample = [...chosen].map(
    (index) =>
      new pprof.Sample({
        locationId: (service.stacks[index] as readonly number[]).map(locationId),
        value: [(1 + Math.floor(random() * 20)) * PERIOD_NS],
        label,
      }),
  )
  const type = strings.dedup('cpu')
  const unit = strings.dedup('nanoseconds')
  const profile = new pprof.Profile({
    sampleType: [new pprof.ValueType({ type, unit })],
    ...{ sample, location, function: functions },
    mapping: [new pprof.Mapping({ id: 1, filename: strings.dedup('/usr/bin/product') })],
    stringTable: strings,
    timeNanos: BigInt(startMs) * 1_000_000n,
    durationNanos: BigInt(durationMs) * 1_000_000n,
    periodType: new pprof.ValueType({ type, unit }),
    period: PERIOD_NS,
  })
  return gzipSync(profile.encode(), { level: 1 })
}

/** Headers of a collector that took nothing but what is in the batch. */
export function batchHeaders(
  collector: string,
  sequence: number,
  window: WindowOptions,
): Record<string, string> {
  const { labels, startMs, durationMs } = window
  return formatBatchHeaders({
    ...{ collector, epoch: 1, sequence, host: labels['host'] ?? '' },
    ...{ windowStart: startMs, windowEnd: startMs + durationMs },
    account: { taken: 0, idle: 0, kept: 0, dropped: {}, faults: {} },
    notes: [],
  })
}

export type BenchStore = {
  readonly store: Store
  readonly ingest: Ingest
  [Symbol.asyncDispose](): Promise<void>
}

/** An embedded store with ingest on top, in a temporary directory. */
export async function openBenchStore(options: { readonly workers: number }): Promise<BenchStore> {
  const data = mkdtempSync(join(tmpdir(), 'flamewatch-bench-'))
  const log = silentLog()
  const metrics = createMetrics()
  const store = await openStore({ ...defaultOptions(storeOptions), data }, { log, metrics })
  const ingest = createIngest({
    ...{ store, log, metrics },
    options: { ...defaultOptions(ingestOptions), ingestWorkers: options.workers },
  })
  return {
    store,
    ingest,
    async [Symbol.asyncDispose]() {
      await ingest.close()
      await store.close()
      rmSync(data, { recursive: true })
    },
  }
}
