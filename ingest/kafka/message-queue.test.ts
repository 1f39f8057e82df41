import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MessageQueue } from './message-queue.ts'
import type { TopicMessage } from './messages.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

// Each counts 10,000 bytes.
function messages(...offsets: number[]): TopicMessage[] {
  const value = Buffer.alloc(9_000)
  return offsets.map((offset) => ({
    ...{ offset: BigInt(offset), value, timestampMs: 0, key: null, headers: {} },
  }))
}

function offsetsOf(taken: readonly TopicMessage[] | null): number[] | null {
  return taken?.map(({ offset }) => Number(offset)) ?? null
}

function start() {
  let rooms = 0
  const limits = { bytes: 30_000, messages: 10, lingerMs: 1_000 }
  const queue = new MessageQueue(limits, () => rooms++)
  return { queue, rooms: () => rooms }
}

describe('a queue of messages', () => {
  test('gives a group as soon as it is whole', async () => {
    const { queue } = start()
    const taken = queue.take()
    queue.add(messages(1, 2))
    queue.add(messages(3, 4))
    expect(offsetsOf(await taken)).toEqual([1, 2, 3])
  })

  test('gives less once the first has waited', async () => {
    const { queue } = start()
    const taken = queue.take()
    queue.add(messages(1))
    await vi.advanceTimersByTimeAsync(600)
    queue.add(messages(2))
    await vi.advanceTimersByTimeAsync(400)
    expect(offsetsOf(await taken)).toEqual([1, 2])
  })

  test('gives a message that is over the limit by itself', async () => {
    const { queue } = start()
    const [small] = messages(2)
    queue.add([
      { ...(small as TopicMessage), offset: 1n, value: Buffer.alloc(100_000) },
      ...messages(2),
    ])
    expect(offsetsOf(await queue.take())).toEqual([1])
  })

  test('is full with two groups that nobody waits for, and says when there is room', async () => {
    const { queue, rooms } = start()
    queue.add(messages(1, 2, 3, 4, 5))
    expect(queue.isFull).toBe(false)
    queue.add(messages(6))
    expect(queue.isFull).toBe(true)
    await queue.take()
    expect([queue.isFull, rooms()]).toEqual([false, 1])
  })

  test('gives all up to an offset, over several fetches, also when that one is gone', async () => {
    const { queue } = start()
    const taken = queue.takeThrough(5n)
    for (const offset of [1, 2, 3]) queue.add(messages(offset))
    // However much it is: what is waited for must come.
    queue.add(messages(4))
    await vi.advanceTimersByTimeAsync(0)
    expect(queue.isFull).toBe(false)
    queue.add(messages(6, 7))
    expect(offsetsOf(await taken)).toEqual([1, 2, 3, 4])
    expect(offsetsOf(await queue.takeThrough(6n))).toEqual([6])
  })

  test('gives nothing more when it is closed', async () => {
    const { queue } = start()
    const waiting = queue.take()
    queue.close()
    queue.add(messages(1))
    expect([await waiting, await queue.take(), await queue.takeThrough(1n)]).toEqual([
      null,
      null,
      null,
    ])
  })
})
