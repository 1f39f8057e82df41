import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../infra/store/sql.ts'
import { untilSettled } from '../fixtures/kafka/check-once.ts'
import { type Fleet, startFleet } from '../fixtures/kafka/fleet.ts'
import { batchMessage } from '../fixtures/kafka/messages.ts'

const LAUNCHER = join(import.meta.dirname, '../../infra/cli/flamewatch.sh')
const START = Math.floor(Date.now() / 10_000) * 10_000 - 3_600_000

let fleet: Fleet
let directory: string
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flamewatch-dead-'))
  fleet = await startFleet({ partitions: 1 })
})
afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true })
})

function deadLetters(...words: string[]) {
  const args = [LAUNCHER, 'dead-letters', '--kafka-brokers', fleet.broker.address, ...words]
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile('sh', args, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}

async function storedBatches() {
  const [row] = await fleet.store.rows<{ n: string }>(sql`SELECT count() AS n FROM profiles`)
  return Number(row?.n)
}

test('dead letters are listed, shown and sent again, which stores none twice', async () => {
  await using server = await fleet.startIngest()
  const batch = batchMessage(1, 1, START)
  const early = batchMessage(2, 1, START)
  const messages = [
    { ...early, headers: { ...early.headers, 'flamewatch-format': '3' } },
    { ...batch, value: Buffer.from('no\u001bpprof') },
    batch,
  ]
  await fleet.producer.send({ topic: fleet.client.topic, acks: -1, messages })
  await untilSettled(fleet)
  expect(await storedBatches()).toBe(1)

  const list = await deadLetters('list')
  expect(list.code).toBe(0)
  const rows = list.stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'))
  expect(rows.slice(1).map(([id, , times, reason, , host]) => [id, times, reason, host])).toEqual([
    ['0:0', '1', 'newer_format', 'host-2'],
    ['0:1', '1', 'malformed', 'host-1'],
  ])

  const file = join(directory, 'body')
  const shown = await deadLetters('show', '0:1', '--output', file)
  expect(shown.stdout).toMatch(/^flamewatch-dead-topic\tflamewatch\.batches$/m)
  expect(shown.stdout).toMatch(/^flamewatch-dead-offset\t1$/m)
  expect(readFileSync(file, 'utf8')).toBe('no\u001bpprof')

  expect(await deadLetters('replay', '--reason', 'newer_format', '--dry-run')).toMatchObject({
    stdout: expect.stringMatching(/^0:0\t.*\n$/),
    stderr: expect.stringContaining('would send 1'),
  })
  // The batch that died is stored already: its repeat with the right bytes came after it.
  expect((await deadLetters('replay')).stdout).toBe('2 sent to flamewatch.batches\n')
  await untilSettled(fleet)
  expect(await storedBatches()).toBe(1)
  const again = await deadLetters('list')
  expect(again.stdout).toMatch(/^0:\d\t\S+\t2\tnewer_format\t/m)
  expect(again.stdout.trimEnd().split('\n')).toHaveLength(rows.length)

  expect(await deadLetters('show', '0:99')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('There is no letter 0:99'),
  })
  expect(await server.stop()).toBe(0)
})
