import { expect, test } from 'vitest'
import type { Reading } from './generation.ts'
import { settleAccount } from './settle-account.ts'

const stats = {
  ...{ taken: 120, idle: 40, filtered: 10, counted: 50, overflowed: 7 },
  ...{ countsFull: 3, nested: 8, waitMemory: 2, eventsLost: 0 },
}
const reading: Pick<Reading, 'counted' | 'overflowed' | 'error'> = {
  counted: 50,
  overflowed: 7,
  error: 0,
}
const droppedOf = (got: typeof reading) =>
  Object.fromEntries(settleAccount(stats, got).dropped.map((d) => [d.reason, d.samples]))

const DROPPED = { counts_full: 3, recursion: 8, wait_memory: 2 }

test('an even account drops what found no place, each under its reason', () => {
  expect(droppedOf(reading)).toEqual({ ...DROPPED, drain_error: 0 })
})

test('samples the kernel would not hand over are dropped as drain_error', () => {
  expect(droppedOf({ ...reading, counted: 30, error: -12 })).toEqual({
    ...DROPPED,
    drain_error: 20,
  })
})

test('samples missing without an error of the kernel are never made good', () => {
  expect(() => settleAccount(stats, { ...reading, overflowed: 6 })).toThrow(
    expect.objectContaining({
      code: 'kernel_error',
      message: expect.stringMatching(/leaves 1 of 120 .* overflowed 6 of 7/),
    }),
  )
})

test('more samples than were taken are a fault, whatever the kernel said', () => {
  for (const error of [0, -12])
    expect(() => settleAccount(stats, { ...reading, counted: 51, error })).toThrow(
      /leaves -1 of 120/,
    )
})
