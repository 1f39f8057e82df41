import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../infra/runtime/log.ts'
import { openChdb } from '../../infra/store/chdb.ts'
import { sql } from '../../infra/store/sql.ts'
import type { Store } from '../../infra/store/store.ts'
import { ingestBlock } from '../fixtures/ingest-block.ts'
import { IN_FLIGHT, numberedBlock } from '../fixtures/store-writer.ts'

// Each round takes about a second; a longer proof sets more of them.
const ROUNDS = Number(process.env['FLAMEWATCH_KILL_ROUNDS'] ?? 4)

const WRITER = fileURLToPath(new URL('../fixtures/store-writer.ts', import.meta.url))

let directory: string
const children: ChildProcess[] = []
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'flamewatch-kill-'))
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  await rm(directory, { recursive: true })
})

function startWriter(first: number): { child: ChildProcess; stored: AsyncIterable<string> } {
  const child = spawn(process.execPath, [WRITER, directory, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  return { child, stored: createInterface({ input: child.stdout as NodeJS.ReadableStream }) }
}

/** Kills a writer after `count` acknowledged blocks, others being under way; answers what it said. */
async function writeUntilKilled(first: number, count: number): Promise<number[]> {
  const { child, stored } = startWriter(first)
  const acknowledged: number[] = []
  for await (const line of stored) {
    acknowledged.push(Number(line))
    if (acknowledged.length === count) child.kill('SIGKILL')
  }
  return acknowledged
}

/** What each table holds of a block. */
async function storedOf(store: Store, service: string) {
  const [row] = await store.rows(sql`SELECT
    (SELECT count() FROM profiles WHERE service = ${service}) AS profiles,
    (SELECT sum(total) FROM profiles WHERE service = ${service}) AS total,
    (SELECT sum(value) FROM stack_10m WHERE service = ${service}) AS rollup,
    (SELECT count() FROM series FINAL WHERE service = ${service}) > 0 AS series`)
  return row
}

const whole = (n: number) => {
  const { rows } = numberedBlock(n).block
  const total = String(rows * 40 * 10)
  return { profiles: String(rows), total, rollup: total, series: 1 }
}

describe('a process killed in the middle of inserts', () => {
  it(
    'has stored every block it acknowledged once, and a replay completes the others',
    async () => {
      let first = 0
      for (let round = 0; round < ROUNDS; round++) {
        // A different number of blocks before the end each time, without chance.
        const acknowledged = await writeUntilKilled(first, 1 + ((round * 7) % 11))
        const store = await openChdb(directory, silentLog())
        expect(await readdir(join(directory, 'incoming'))).toEqual([])
        for (const n of acknowledged)
          expect(await storedOf(store, numberedBlock(n).service), `block ${n}`).toEqual(whole(n))

        const last = Math.max(...acknowledged) + IN_FLIGHT
        for (let n = first; n <= last; n++) {
          const { block, token, service } = numberedBlock(n)
          await store.insert('ingest', block, token)
          expect(await storedOf(store, service), `block ${n} again`).toEqual(whole(n))
        }
        await store.close()
        first = last + 1
      }
    },
    ROUNDS * 60_000,
  )
})

describe('a data directory', () => {
  it('in use names the process that uses it', async () => {
    const { child, stored } = startWriter(0)
    for await (const _ of stored) break
    await expect(openChdb(directory, silentLog())).rejects.toMatchObject({
      code: 'store_locked',
      message: expect.stringContaining(`process ${child.pid}`),
      hint: expect.stringContaining('--data'),
    })
  })

  it('is one for each process', async () => {
    const store = await openChdb(directory, silentLog())
    await expect(openChdb(join(directory, 'other'), silentLog())).rejects.toMatchObject({
      code: 'store_locked',
    })
    await store.close()
    await (await openChdb(join(directory, 'other'), silentLog())).close()
  })

  it('that cannot be one is refused with its path', async () => {
    const file = join(directory, 'file')
    await writeFile(file, '')
    await expect(openChdb(join(file, 'store'), silentLog())).rejects.toMatchObject({
      code: 'store_error',
      message: expect.stringContaining(file),
      hint: expect.stringContaining('--data'),
    })
  })

  it('loses what a killed insert left behind', async () => {
    await (await openChdb(directory, silentLog())).close()
    await writeFile(join(directory, 'incoming', 'left.native'), 'half')
    await (await openChdb(directory, silentLog())).close()
    expect(await readdir(join(directory, 'incoming'))).toEqual([])
  })
})

describe('closing', () => {
  it('ends reads, keeps what it acknowledged and takes nothing more', async () => {
    const store = await openChdb(directory, silentLog())
    await store.run(
      sql`CREATE TABLE t (tenant String, service String) ENGINE = MergeTree ORDER BY ()`,
    )
    const slow = sql`SELECT sum(sleepEachRow(0.05)) FROM numbers(200) SETTINGS max_block_size = 1`
    // More of both than there are connections: some run, some wait.
    const reads = Promise.allSettled(Array.from({ length: 6 }, () => store.rows(slow)))
    const { columns } = ingestBlock({ service: 's', profiles: 1000, stacks: 1, time: 0 })
    const block = { rows: 1000, columns: columns.slice(0, 2) }
    const inserts = Array.from({ length: 20 }, (_, i) => store.insert('t', block, `token-${i}`))
    await Promise.race(inserts)
    const outcomes = Promise.allSettled(inserts)
    await store.close()

    for (const { status } of await reads) expect(status).toBe('rejected')
    await expect(store.rows(sql`SELECT 1`)).rejects.toMatchObject({ code: 'store_unavailable' })
    await store.close()

    const acknowledged = (await outcomes).filter(({ status }) => status === 'fulfilled').length
    const again = await openChdb(directory, silentLog())
    expect(await again.rows(sql`SELECT count() AS n FROM t`)).toEqual([
      { n: String(acknowledged * 1000) },
    ])
    await again.close()
  })
})
