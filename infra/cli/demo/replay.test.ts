import { describe, expect, it } from 'vitest'
import { parseBatchHeaders } from '../../contract/batch.ts'
import { silentLog } from '../../runtime/log.ts'
import type { DemoBatch } from './batches.ts'
import { createBatchMaker } from './batches.ts'
import { createFleet } from './fleet.ts'
import type { Player } from './replay.ts'
import { replay } from './replay.ts'

const START = Date.UTC(2026, 0, 1)

/** Replays from `START`; the clock moves as the live player sleeps. */
function player(options: { readonly nowMs: number; readonly failing?: () => boolean }) {
  const written: [startMs: number, endMs: number][] = []
  let nowMs = options.nowMs
  const waiters: (() => void)[] = []
  const started: Promise<Player> = replay({
    make: async (startMs, endMs) => [
      { headers: { span: `${startMs}-${endMs}` }, body: new Uint8Array() },
    ],
    async write(batches) {
      if (options.failing?.()) throw new Error('the store is away')
      for (const { headers } of batches) {
        const [startMs = 0, endMs = 0] = (headers['span'] ?? '').split('-').map(Number)
        written.push([startMs, endMs])
      }
    },
    fromMs: START,
    clock: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve())
        waiters.push(() => {
          nowMs += ms
          resolve()
        })
      }),
    log: silentLog(),
  })
  async function passTime(): Promise<void> {
    waiters.shift()?.()
    for (let i = 0; i < 20; i++) await Promise.resolve()
  }
  return { started, written, passTime }
}

describe('replay', () => {
  it('writes the history in long windows and its end in short ones, without gap or overlap', async () => {
    const { started, written } = player({ nowMs: START + 3 * 60_000 + 25_000 })
    const playing = await started
    const seconds = written.map(([start, end]) => [(start - START) / 1000, (end - START) / 1000])
    expect(seconds).toEqual([
      [0, 60],
      [60, 120],
      [120, 180],
      [180, 190],
      [190, 200],
    ])
    await playing.close()
  })

  it('goes on with a window every ten seconds', async () => {
    const { started, written, passTime } = player({ nowMs: START + 65_000 })
    const playing = await started
    await passTime()
    await passTime()
    const seconds = written.map(([start, end]) => [(start - START) / 1000, (end - START) / 1000])
    expect(seconds).toEqual([
      [0, 60],
      [60, 70],
      [70, 80],
    ])
    await playing.close()
  })

  it('goes on after a store that was away', async () => {
    let failing = false
    const { started, written, passTime } = player({ nowMs: START + 60_000, failing: () => failing })
    const playing = await started
    failing = true
    await passTime()
    failing = false
    await passTime()
    expect(written.map(([start]) => (start - START) / 1000)).toEqual([0, 70])
    await playing.close()
  })
})

describe('createBatchMaker', () => {
  it('makes batches as collectors send them, one after the other', async () => {
    const fleet = createFleet(START)
    const make = createBatchMaker(fleet, START)
    const headersOf = ({ headers }: DemoBatch) => {
      const parsed = parseBatchHeaders((name) => headers[name])
      if (parsed.kind === 'fault') throw new Error(parsed.reason)
      return parsed.headers
    }
    const first = (await make(START, START + 10_000)).map(headersOf)
    const second = (await make(START + 10_000, START + 20_000)).map(headersOf)
    expect(first.map(({ host }) => host)).toEqual(fleet.hosts.map(({ host }) => host))
    expect(new Set(first.map(({ collector }) => collector)).size).toBe(20)
    expect(second.map(({ collector }) => collector)).toEqual(
      first.map(({ collector }) => collector),
    )
    expect(first.every(({ sequence, epoch }) => sequence === 1 && epoch === START)).toBe(true)
    expect(second.every(({ sequence }) => sequence === 2)).toBe(true)
    expect(first.every(({ account }) => account.kept > 0)).toBe(true)
  })
})
