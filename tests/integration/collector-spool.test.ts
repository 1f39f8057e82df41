import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { unaccounted } from '../../infra/contract/account.ts'
import { BatchSink } from '../fixtures/batch-sink.ts'

// Rounds of kill -9; a longer proof sets more of them.
const ROUNDS = Number(process.env['FLAMEWATCH_KILL_ROUNDS'] ?? 4)
const WRITER = fileURLToPath(new URL('../fixtures/spool-writer.ts', import.meta.url))

let directory: string
let sink: BatchSink

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'collector-spool-'))
  sink = new BatchSink()
  await sink.listen()
})

afterEach(async () => {
  await sink.close()
  rmSync(directory, { recursive: true })
})

/** Answers the numbers of the batches that were in the spool when the writer ended or was killed. */
async function write(first: number, count: number, killAfter = Infinity): Promise<number[]> {
  const child = spawn(process.execPath, [WRITER, directory, sink.url, `${first}`, `${count}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const written: number[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    written.push(Number(line))
    if (written.length === killAfter) child.kill('SIGKILL')
  }
  await ended
  return written
}

function spooled(): string[] {
  return readdirSync(directory).filter((file) => file.endsWith('.batch'))
}

test('what was spooled while the server was away arrives after kill -9, in order and once', async () => {
  await sink.close()
  const written = await write(1, 1000, 20)
  expect(written.length).toBeGreaterThanOrEqual(20)
  expect(spooled().length).toBeGreaterThanOrEqual(written.length)

  await sink.listen()
  await write(0, 0)
  expect(spooled()).toEqual([])
  const bodies = sink.sorted().map(({ body }) => gunzipSync(body).toString())
  expect(bodies.slice(0, written.length)).toEqual(written.map((n) => `batch ${n}`))
  expect(sink.sorted().map(({ headers }) => headers.sequence)).toEqual(bodies.map((_, i) => i + 1))
  expect(sink.repeats).toBe(0)
  expect(sink.faults).toEqual([])
})

test('a collector killed again and again while it sends loses and doubles nothing', async () => {
  const written: number[] = []
  let next = 1
  for (let round = 0; round < ROUNDS; round++) {
    const numbers = await write(next, 1000, 5 + ((round * 7) % 23))
    written.push(...numbers)
    // One more may be in the spool than it came to say.
    next += numbers.length + 1
  }
  await write(0, 0)
  expect(spooled()).toEqual([])
  expect(sink.faults).toEqual([])
  const batches = sink.sorted()
  const numbers = batches.map(({ headers }) => headers.account.kept)
  expect(new Set(numbers).size).toBe(numbers.length)
  expect(numbers).toEqual(expect.arrayContaining(written))
  expect(batches.map(({ headers }) => headers.sequence)).toEqual(numbers.map((_, i) => i + 1))
  for (const { headers } of batches) expect(unaccounted(headers.account)).toBe(0)
})
