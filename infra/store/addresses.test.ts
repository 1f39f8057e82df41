import { beforeEach, describe, expect, it } from 'vitest'
import { type Address, Addresses } from './addresses.ts'

describe('addresses of a store', () => {
  let nowMs: number
  let addresses: Addresses<null>
  const [a, b, c] = ['a', 'b', 'c'].map((url) => ({ url, client: null })) as [
    Address<null>,
    Address<null>,
    Address<null>,
  ]
  beforeEach(() => {
    nowMs = 1_000_000
    addresses = new Addresses([a, b, c], () => nowMs)
  })

  it('are asked from the first on', () => {
    expect([addresses.pick(), addresses.pick()]).toEqual([a, a])
  })

  it('are tried in turn, and the one that works is kept to when the first is well again', () => {
    addresses.failed(a)
    expect(addresses.pick()).toBe(b)
    addresses.failed(b)
    expect(addresses.pick()).toBe(c)
    addresses.worked(c)
    nowMs += 60_000
    expect(addresses.pick()).toBe(c)
    addresses.failed(c)
    expect(addresses.pick()).toBe(a)
  })

  it('that fail pause for twice as long each time, half a minute at most', () => {
    const alone = new Addresses([a], () => nowMs)
    const pauses = Array.from({ length: 9 }, () => {
      alone.failed(a)
      const from = nowMs
      while (!alone.anyReady) nowMs += 100
      return nowMs - from
    })
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  })

  it('start again from a short pause after they worked', () => {
    for (let i = 0; i < 5; i++) {
      addresses.failed(a)
      nowMs += 60_000
    }
    addresses.worked(a)
    addresses.failed(a)
    expect(addresses.pick()).toBe(b)
    addresses.failed(b)
    addresses.failed(c)
    nowMs += 500
    expect(addresses.anyReady).toBe(true)
  })

  it('count once what many statements met at the same time, and say when it began', () => {
    expect([addresses.failed(a), addresses.failed(a), addresses.failed(a)]).toEqual([
      true,
      false,
      false,
    ])
    nowMs += 500
    for (const other of [b, c]) addresses.failed(other)
    expect(addresses.pick()).toBe(a)
  })

  it('that all pause are asked nevertheless, the one that pauses least', () => {
    addresses.failed(a)
    nowMs += 600
    addresses.failed(a)
    addresses.failed(b)
    nowMs += 10
    addresses.failed(c)
    expect(addresses.anyReady).toBe(false)
    expect(addresses.pick()).toBe(b)
  })
})
