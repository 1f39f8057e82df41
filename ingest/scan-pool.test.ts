import { afterEach, describe, expect, test } from 'vitest'
import { silentLog } from '../infra/runtime/log.ts'
import { profileFromFolded } from '../tests/fixtures/profile-from-text.ts'
import { PROFILE_LIMITS } from './limits.ts'
import { ScanPool, type ScanPoolOptions } from './scan-pool.ts'

const BROKEN = new URL('./testing/broken-worker.ts', import.meta.url)

const pools: ScanPool[] = []
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.close()
})

function open(over: Partial<ScanPoolOptions> = {}): ScanPool {
  const options = { workers: 1, limits: PROFILE_LIMITS, timeoutMs: 30_000, log: silentLog() }
  const pool = new ScanPool({ ...options, ...over })
  pools.push(pool)
  return pool
}

const said = (word: string) => ({ kind: 'fault', code: 'malformed', reason: word })

describe('a pool of threads', () => {
  test('scans, and leaves the body to the caller', async () => {
    const body = profileFromFolded('main;work 7')
    const profile = await open().scan(body)
    expect(profile).toMatchObject({ kind: 'profile', rows: { count: 1 } })
    expect(body.length).toBeGreaterThan(0)
  })

  test('answers each caller with his own, more of them than threads', async () => {
    const pool = open({ workers: 2, workerFile: BROKEN })
    const words = Array.from({ length: 20 }, (_, i) => `word ${i}`)
    const answers = await Promise.all(words.map((word) => pool.scan(Buffer.from(word))))
    expect(answers).toEqual(words.map(said))
  })

  test.each([
    ['throws', 'throw'],
    ['exits', 'exit'],
  ])('goes on when a thread %s: only that caller is told', async (_, word) => {
    const pool = open({ workerFile: BROKEN })
    const outcomes = await Promise.allSettled(
      ['before', word, 'after', 'later'].map((text) => pool.scan(Buffer.from(text))),
    )
    expect(outcomes).toMatchObject([
      { value: said('before') },
      { reason: { code: 'internal', status: 500 } },
      { value: said('after') },
      { value: said('later') },
    ])
  })

  test('ends a thread that takes too long', async () => {
    const pool = open({ workerFile: BROKEN, timeoutMs: 300 })
    const hung = pool.scan(Buffer.from('hang'))
    await expect(hung).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringContaining('too slow'),
    })
  })

  test('closed under way tells every caller to try again', async () => {
    const pool = open({ workerFile: BROKEN })
    const outcomes = Promise.allSettled(
      ['hang', 'waiting'].map((word) => pool.scan(Buffer.from(word))),
    )
    await pool.close()
    const stopping = { reason: { code: 'store_unavailable', retriable: true, status: 503 } }
    expect(await outcomes).toMatchObject([stopping, stopping])
    await expect(pool.scan(Buffer.from('late'))).rejects.toMatchObject({ status: 503 })
  })
})
