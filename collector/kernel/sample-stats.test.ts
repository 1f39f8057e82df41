import { expect, test } from 'vitest'
import type { MapCalls } from './libbpf.ts'
import { STATS_WORDS } from './sample-layout.ts'
import { SampleStatsReader } from './sample-stats.ts'

/** Two CPUs; `totals` are the growing counters of CPU 0, CPU 1 has none. */
function statsMap() {
  const totals = Array.from({ length: 4 }, () => new BigUint64Array(2 * STATS_WORDS))
  const state = { totals, result: 0 }
  const calls: Pick<MapCalls, 'lookup'> = {
    lookup: (_fd, key, value) => {
      value.set(new Uint8Array(totals[key[0] ?? 0]?.buffer ?? new ArrayBuffer(0)))
      return state.result
    },
  }
  return { state, calls }
}

test('gives what each generation gained since it was asked for, over all CPUs', () => {
  const { state, calls } = statsMap()
  const reader = new SampleStatsReader(calls, 1, 2)
  state.totals[0]?.set([10n, 4n, 2n, 5n, 1n, 0n, 0n, 0n, 0n, /* ends */ 2n, 3n])
  state.totals[0]?.set([2n, 0n, 0n, 1n, 0n, 1n, 1n, 0n, 3n, /* ends */ 0n, 1n], STATS_WORDS)
  expect(reader.takeSince(0)).toMatchObject({
    taken: 12,
    idle: 4,
    filtered: 2,
    counted: 6,
    overflowed: 1,
    countsFull: 1,
    nested: 1,
    waitMemory: 0,
    eventsLost: 3,
    ends: { framePointers: 2, whole: 4, readFailed: 0 },
  })
  state.totals[1]?.set([5n, 5n])
  expect(reader.takeSince(1)).toMatchObject({ taken: 5, idle: 5 })
  // Another source has counters of its own: index 2 is its generation 0.
  state.totals[2]?.set([7n])
  expect(reader.takeSince(0, 1)).toMatchObject({ taken: 7, idle: 0 })
  state.totals[0]?.set([11n])
  expect(reader.takeSince(0)).toMatchObject({ taken: 1, idle: 0, eventsLost: 0 })
})

test('an error of the kernel is an error: nothing can be said of the window then', () => {
  const { state, calls } = statsMap()
  state.result = -14
  expect(() => new SampleStatsReader(calls, 1, 2).takeSince(0)).toThrow('errno 14')
})
