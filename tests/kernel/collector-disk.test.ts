import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Spool } from '../../collector/spool/spool.ts'
import { type DropReason, unaccounted } from '../../infra/contract/account.ts'
import { parseBatchHeaders } from '../../infra/contract/batch.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { requireRoot } from './programs.ts'

// A disk that is really full: a file system of 256 KiB in memory.

let directory: string

beforeEach(requireRoot)
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'collector-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', directory])
})
afterEach(() => {
  if (!directory || !existsSync(directory)) return
  execFileSync('umount', [directory])
  rmSync(directory, { recursive: true })
})

test('a full disk costs the batches that do not fit, counted, and nothing else', async () => {
  const drops: [DropReason, number][] = []
  const spool = await Spool.open({
    ...{ directory, maxBytes: 1e9, maxAgeMs: Infinity, log: silentLog() },
    onDrop: (reason, samples) => drops.push([reason, samples]),
  })
  const add = (kept: number, bytes: number) =>
    spool.add({
      ...{ host: 'h', windowStart: 1, windowEnd: 2, notes: [], body: new Uint8Array(bytes) },
      account: { taken: kept, idle: 0, kept, dropped: {}, faults: {} },
    })
  await add(1, 100_000)
  writeFileSync(join(directory, 'of others'), new Uint8Array(100_000))
  await add(20, 100_000)
  await add(300, 100_000)
  expect(drops).toEqual([
    ['spool_error', 20],
    ['spool_error', 300],
  ])
  rmSync(join(directory, 'of others'))
  await add(4000, 100_000)

  const accounts = []
  for (let batch = await spool.oldest(); batch; batch = await spool.oldest()) {
    const { headers } = batch
    const parsed = parseBatchHeaders((name) => headers[name])
    if (parsed.kind === 'fault') throw new Error(parsed.reason)
    expect(unaccounted(parsed.headers.account)).toBe(0)
    accounts.push([
      parsed.headers.sequence,
      parsed.headers.account.kept,
      parsed.headers.account.dropped,
    ])
    await spool.remove(batch)
  }
  expect(accounts).toEqual([
    [1, 1, {}],
    [2, 4000, { spool_error: 320 }],
  ])
  await spool.close()
})
