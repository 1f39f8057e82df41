import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { formatBatchHeaders } from '../../infra/contract/batch.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { defaultOptions } from '../../infra/runtime/options.ts'
import { openStore } from '../../infra/store/open.ts'
import { storeOptions } from '../../infra/store/options.ts'
import { sql } from '../../infra/store/sql.ts'
import { gzipProfile, profileFromFolded } from '../fixtures/profile-from-text.ts'
import { type RunningServer, startServer } from '../fixtures/running-server.ts'

// Each round takes about two seconds; a longer proof sets more of them.
const ROUNDS = Number(process.env['FLAMEWATCH_KILL_ROUNDS'] ?? 4)
const COLLECTORS = 4
const WINDOW_MS = 10_000

let data: string
let server: RunningServer | undefined
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'flamewatch-ingest-kill-'))
})
afterEach(async () => {
  await server?.kill()
  await rm(data, { recursive: true, force: true })
})

/** Batch `sequence` of a collector, always the same bytes; its value tells which it is. */
function batchOf(collector: number, sequence: number, startMs: number) {
  const host = `host-${collector}`
  const windowStart = startMs + sequence * WINDOW_MS
  const headers = formatBatchHeaders({
    collector: `3f2b8c1e-0000-4000-8000-00000000000${collector}`,
    epoch: 1,
    sequence,
    host,
    windowStart,
    windowEnd: windowStart + WINDOW_MS,
    account: { taken: 1, idle: 0, kept: 1, dropped: {}, faults: {} },
    notes: [],
  })
  const labels = { service: 'killed', version: 'v1', host }
  // A stack of its own, so that dictionaries are under way as well when the end comes.
  const text = `main;work;step-${collector}-${sequence} ${2 ** (sequence % 20)}\nmain 1`
  return { headers, body: Buffer.from(gzipProfile(profileFromFolded(text, { labels }))) }
}

test('whatever is acknowledged before a kill -9 is stored once, and so is what is sent again', async () => {
  // An hour ago: as of a spool that is behind.
  const startMs = Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS - 3_600_000
  // The highest sequence each collector has an answer for.
  const acknowledged = Array.from({ length: COLLECTORS }, () => 0)

  async function sendOn(collector: number, url: string, onAnswer: () => void): Promise<void> {
    // The last answers may have got lost on the way: a spool sends those again.
    let sequence = Math.max(1, (acknowledged[collector] as number) - 2)
    for (; ; sequence++) {
      const { headers, body } = batchOf(collector, sequence, startMs)
      const answer = await fetch(`${url}/api/v1/batches`, { method: 'POST', headers, body })
      if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
      acknowledged[collector] = Math.max(sequence, acknowledged[collector] as number)
      onAnswer()
    }
  }

  for (let round = 0; round < ROUNDS; round++) {
    const running = await startServer({ command: 'ingest', data })
    server = running
    let left = 5 + ((round * 7) % 11)
    const senders = Array.from({ length: COLLECTORS }, (_, collector) =>
      sendOn(collector, running.url, () => {
        if (--left === 0) process.kill(running.pid, 'SIGKILL')
      }),
    )
    // Every sender ends with a cut connection, or finds none.
    const ends = await Promise.allSettled(senders)
    expect(ends.map(({ status }) => status)).toEqual(senders.map(() => 'rejected'))
    for (const end of ends)
      expect(String((end as PromiseRejectedResult).reason)).toMatch(/fetch failed|terminated/)
    await running.kill()
  }

  // What was sent last without an answer comes again, and everything before it, as of a lost spool.
  server = await startServer({ command: 'ingest', data })
  for (let collector = 0; collector < COLLECTORS; collector++) {
    for (let sequence = 1; sequence <= (acknowledged[collector] as number) + 1; sequence++) {
      const { headers, body } = batchOf(collector, sequence, startMs)
      const url = `${server.url}/api/v1/batches`
      const answer = await fetch(url, { method: 'POST', headers, body })
      const { duplicate } = (await answer.json()) as { duplicate: boolean }
      if (sequence <= (acknowledged[collector] as number)) expect(duplicate).toBe(true)
    }
  }
  await server.stop()

  const store = await openStore({ ...defaultOptions(storeOptions), data }, { log: silentLog() })
  try {
    for (let collector = 0; collector < COLLECTORS; collector++) {
      const count = (acknowledged[collector] as number) + 1
      const sequences = Array.from({ length: count }, (_, i) => i + 1)
      const host = `host-${collector}`
      const rows = await store.rows<{ time: number; total: string }>(sql`
        SELECT toUnixTimestamp(time) AS time, total FROM profiles WHERE series_id IN (SELECT series_id FROM series WHERE host = ${host})
        ORDER BY time`)
      expect(rows.map(({ time, total }) => [time, total])).toEqual(
        sequences.map((sequence) => [
          (startMs + sequence * WINDOW_MS) / 1000,
          String(2 ** (sequence % 20) + 1),
        ]),
      )
    }
    const [sums] = await store.rows<Record<string, string>>(sql`SELECT
      (SELECT sum(total) FROM profiles) AS profiles, (SELECT sum(value) FROM stack_10m) AS rollup,
      (SELECT uniqExact(collector, sequence) FROM batches) AS batches,
      (SELECT count() FROM profiles) AS count,
      (SELECT count() FROM (SELECT arrayJoin(stack_ids) AS id FROM profiles)
        WHERE id NOT IN (SELECT stack_id FROM stacks)) AS unknown_stacks,
      (SELECT count() FROM (SELECT arrayJoin(frames) AS id FROM stacks)
        WHERE id NOT IN (SELECT function_id FROM functions)) AS unknown_functions`)
    expect(sums).toMatchObject({
      rollup: sums?.['profiles'],
      batches: sums?.['count'],
      unknown_stacks: '0',
      unknown_functions: '0',
    })
  } finally {
    await store.close()
  }
}, 300_000)
