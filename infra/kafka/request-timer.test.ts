import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { RequestQueue } from './request-timer.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function queueOf(pending: unknown[], throttledUntil: number) {
  const looks: number[] = []
  const bare = Object.create(RequestQueue.prototype) as typeof RequestQueue.prototype
  const queue = Object.assign(bare, {
    ...{ pending, throttledUntil, throttleCheckTimeoutId: null },
    checkPendingRequests: () => looks.push(Date.now()),
  })
  return { queue, looks }
}

test('a connection on which nothing waits has no timer', () => {
  queueOf([], -1).queue.scheduleCheckPendingRequests()
  expect(vi.getTimerCount()).toBe(0)
})

test('a request that waits is looked after in 10 ms, or when the broker will take it again', () => {
  const start = Date.now()
  const busy = queueOf(['request'], -1)
  const throttled = queueOf(['request'], start + 500)
  for (const { queue } of [busy, throttled, busy, throttled]) queue.scheduleCheckPendingRequests()
  vi.advanceTimersByTime(1_000)
  expect([busy, throttled].map(({ looks }) => looks.map((at) => at - start))).toEqual([[10], [500]])
})
