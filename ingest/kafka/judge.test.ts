import { expect, test } from 'vitest'
import { formatBatchHeaders } from '../../infra/contract/batch.ts'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { gzipProfile, profileFromFolded } from '../../tests/fixtures/profile-from-text.ts'
import { inflateProfile } from '../inflate.ts'
import { Ledger } from '../ledger.ts'
import { PROFILE_LIMITS } from '../limits.ts'
import { scanProfile } from '../pprof/scan.ts'
import { Scratch } from '../pprof/scratch.ts'
import type { Scanner } from '../scan-pool.ts'
import { MemoryStore } from '../testing/memory-store.ts'
import { judge } from './judge.ts'
import type { TopicMessage } from './messages.ts'

const NOW = Date.UTC(2026, 5, 1)

function message(offset: number, sequence: number, value?: Buffer): TopicMessage {
  const headers = formatBatchHeaders({
    ...{ collector: '3f2b8c1e-0000-4000-8000-000000000001', epoch: 1, sequence, host: 'h' },
    ...{ windowStart: NOW - 10_000, windowEnd: NOW, notes: [] },
    account: { taken: 1, idle: 0, kept: 1, dropped: {}, faults: {} },
  })
  const labels = { service: 's', version: 'v', host: 'h' }
  const body = value ?? Buffer.from(gzipProfile(profileFromFolded('main 1', { labels })))
  return { offset: BigInt(offset), timestampMs: NOW, key: null, value: body, headers }
}

function scannerThatBreaks(times: number): Scanner {
  let left = times
  return {
    scan: async (body) => {
      if (left-- > 0) throw new FlamewatchError('internal', 'the thread broke')
      return body[0] === 0x1f
        ? scanProfile(inflateProfile(body, 1e6), PROFILE_LIMITS, new Scratch())
        : { kind: 'fault', code: 'malformed', reason: 'no pprof' }
    },
  }
}

async function kinds(messages: readonly TopicMessage[], pool = scannerThatBreaks(0)) {
  const deps = { ledger: new Ledger(new MemoryStore()), pool }
  return (await judge(messages, 0, NOW, deps)).map(({ verdict }) => verdict.kind)
}

test('of a batch that comes twice in a group the first is stored', async () => {
  expect(await kinds([message(0, 1), message(1, 1), message(2, 2), message(3, 1)])).toEqual([
    'store',
    'duplicate',
    'store',
    'duplicate',
  ])
})

test('a dead message does not stand for the good one with its number', async () => {
  const broken = Buffer.from('no pprof')
  expect(await kinds([message(0, 1, broken), message(1, 1), message(2, 1)])).toEqual([
    'dead',
    'store',
    'duplicate',
  ])
})

test('a thread that breaks is given the profile twice more', async () => {
  expect(await kinds([message(0, 1)], scannerThatBreaks(2))).toEqual(['store'])
  expect(await kinds([message(0, 1)], scannerThatBreaks(3))).toEqual(['dead'])
})

test('a pool that is closing decides nothing', async () => {
  const closing = new FlamewatchError('store_unavailable', 'stopping', { retriable: true })
  const pool: Scanner = { scan: () => Promise.reject(closing) }
  await expect(kinds([message(0, 1)], pool)).rejects.toBe(closing)
})
