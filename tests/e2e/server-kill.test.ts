import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Account } from '../../infra/contract/account.ts'
import { formatBatchHeaders } from '../../infra/contract/batch.ts'
import type { AccountAnswer, FlamegraphAnswer } from '../../query/api.ts'
import { gzipProfile, profileFromFolded } from '../fixtures/profile-from-text.ts'
import { type RunningServer, startServer } from '../fixtures/running-server.ts'

// kill -9 of the server in the middle of a load: what it acknowledged is there, once. The senders do
// what a collector does: resend until a 2xx.

const COLLECTORS = 4
const KILLS = 4
const PERIOD_NS = 10_101_010
// A minute ago, so that every batch lies in the window that is asked for.
const START_MS = Date.now() - 600_000

let data: string
let server: RunningServer | null = null

beforeAll(() => {
  data = mkdtempSync(join(tmpdir(), 'flamewatch-kill-'))
})

afterAll(async () => {
  await server?.kill()
  rmSync(data, { recursive: true, force: true })
})

async function start(): Promise<RunningServer> {
  server = await startServer({ data, options: ['--no-collect'] })
  return server
}

function batch(
  collector: number,
  sequence: number,
): { headers: Record<string, string>; body: Uint8Array } {
  // Each batch is recognisable in the sums: its own stack, its own count.
  const samples = 1 + ((collector * 7 + sequence * 13) % 50)
  const windowStart = START_MS + sequence * 1000
  const account: Account = { taken: samples, idle: 0, kept: samples, dropped: {}, faults: {} }
  const pprof = profileFromFolded(
    `app!main;app!shared;app!only_${collector}_${sequence} ${samples * PERIOD_NS}`,
    {
      period: PERIOD_NS,
      timeMs: windowStart,
      durationMs: 1000,
      labels: { service: 'kill', version: 'v1', host: `host-${collector}` },
    },
  )
  const headers = formatBatchHeaders({
    collector: `00000000-0000-4000-8000-00000000000${collector}`,
    epoch: 1,
    sequence,
    host: `host-${collector}`,
    windowStart,
    windowEnd: windowStart + 1000,
    account,
    notes: [],
  })
  return { headers, body: gzipProfile(pprof) }
}

type Sent = { readonly collector: number; readonly sequence: number }

async function send(url: string, { collector, sequence }: Sent): Promise<boolean> {
  try {
    const response = await fetch(`${url}/api/v1/batches`, {
      method: 'POST',
      ...batch(collector, sequence),
    })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}

it('a batch that was acknowledged is there once, whenever the server is killed', async () => {
  const acknowledged: Sent[] = []
  const next = Array.from({ length: COLLECTORS }, () => 1)
  for (let kill = 0; kill < KILLS; kill++) {
    const running = await start()
    let killed = false
    const senders = next.map(async (_, collector) => {
      while (!killed) {
        const sent = { collector, sequence: next[collector] as number }
        if (!(await send(running.url, sent))) continue
        acknowledged.push(sent)
        next[collector] = sent.sequence + 1
      }
    })
    // In the middle of the load, and not at the same point of the work each time.
    const enough = acknowledged.length + 20
    while (acknowledged.length < enough) await setTimeout(10)
    await setTimeout(kill * 3)
    await running.kill()
    killed = true
    await Promise.all(senders)
  }
  expect(acknowledged.length).toBeGreaterThanOrEqual(20 * KILLS)

  const running = await start()
  // What was in the air when the server died is sent again, as a spool would, and so is what was
  // acknowledged before: both change nothing that is there.
  for (const [collector, sequence] of next.entries()) {
    expect(await send(running.url, { collector, sequence })).toBe(true)
    acknowledged.push({ collector, sequence })
  }
  for (const sent of acknowledged.slice(-20)) expect(await send(running.url, sent)).toBe(true)

  const expected = new Map(
    acknowledged.map(({ collector, sequence }) => [
      `only_${collector}_${sequence}`,
      (1 + ((collector * 7 + sequence * 13) % 50)) * PERIOD_NS,
    ]),
  )
  const range = `from=${START_MS - 60_000}&to=${START_MS + 3_600_000}`
  const graph = await fetch(`${running.url}/api/v1/flamegraph?${range}&max_nodes=1000000`)
  const { nodes, functions } = (await graph.json()) as FlamegraphAnswer
  const stored = new Map<string, number>()
  for (const [node, flat] of nodes.flat.entries()) {
    const name = functions[nodes.function[node] as number]?.name ?? ''
    if (name.startsWith('only_')) stored.set(name, (stored.get(name) ?? 0) + Number(flat))
  }
  expect(Object.fromEntries([...stored].toSorted())).toEqual(
    Object.fromEntries([...expected].toSorted()),
  )

  const answer = await fetch(`${running.url}/api/v1/account?${range}`)
  const { total, missingBatches } = (await answer.json()) as AccountAnswer
  const samples = [...expected.values()].reduce((sum, value) => sum + value / PERIOD_NS, 0)
  expect(missingBatches).toBe(0)
  expect(total).toMatchObject({ taken: samples, kept: samples, unaccounted: 0 })
}, 180_000)
