import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { formatBatchHeaders } from '../../contract/batch.ts'
import { createWindowEncoder } from './encode.ts'
import type { DemoFleet, DemoHost, DemoWindow } from './fleet.ts'
import { generateWindow } from './fleet.ts'

const compress = promisify(gzip)

/** As a collector would send it. */
export type DemoBatch = {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** The batches of all hosts for a window; each call is the next window of its collectors. */
export type BatchMaker = (startMs: number, endMs: number) => Promise<DemoBatch[]>

/** `epoch`: unix ms, as of a collector's spool. */
export function createBatchMaker({ hosts }: DemoFleet, epoch: number): BatchMaker {
  const encode = createWindowEncoder()
  const collectors = new Map(hosts.map((host) => [host, randomUUID()]))
  let sequence = 0

  function makeHeaders(host: DemoHost, window: DemoWindow): Record<string, string> {
    const { taken, kept, startMs, endMs } = window
    return formatBatchHeaders({
      ...{ collector: collectors.get(host) as string, epoch, sequence, host: host.host },
      ...{ windowStart: startMs, windowEnd: endMs },
      account: { taken, idle: taken - kept, kept, dropped: {}, faults: {} },
      notes: ['Simulated by flamewatch demo.'],
    })
  }

  return function makeBatches(startMs, endMs) {
    sequence++
    return Promise.all(
      hosts.map(async (host) => {
        const window = generateWindow(host, startMs, endMs)
        const headers = makeHeaders(host, window)
        return { headers, body: await compress(encode(window), { level: 1 }) }
      }),
    )
  }
}
