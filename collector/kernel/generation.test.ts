import { describe, expect, test } from 'vitest'
import {
  STACK_ABSENT,
  STACK_COLLISION,
  STACK_ERROR,
  STACK_NO_MEMORY,
  STACK_UNREADABLE,
} from '../window.ts'
import { Generation } from './generation.ts'
import type { MapCalls } from './libbpf.ts'
import { KEY, KEY_WORDS, NO_STACK, OVERFLOW, SECOND_WAY, STACK_BYTES } from './sample-layout.ts'
import { Slices } from './slices.ts'
import { WindowBuilder } from './window-builder.ts'

const COUNTS = 1
const WAY_A = 2
const WAY_B = 3
const ENOENT = -2
const ENOMEM = -12
const EFAULT = -14
const EEXIST = -17
const ENOTSUPP = -524

/** The maps of a generation in memory, with the answers of the kernel. */
class MemoryMaps implements MapCalls {
  readonly counts: { key: Uint32Array; count: number }[] = []
  readonly stacks = new Map([
    [WAY_A, new Map<number, bigint[]>()],
    [WAY_B, new Map<number, bigint[]>()],
  ])
  takesAtOnce = true
  batchError = 0
  chunk = 1024

  lookup(fd: number, key: Uint8Array, value: Uint8Array): number {
    const stack = this.#way(fd).get(idOf(key))
    if (!stack) return ENOENT
    const words = new BigUint64Array(STACK_BYTES / 8)
    words.set(stack)
    value.set(new Uint8Array(words.buffer))
    return 0
  }
  lookupAndDelete(fd: number, key: Uint8Array, value: Uint8Array): number {
    if (!this.takesAtOnce) return ENOTSUPP
    const result = this.lookup(fd, key, value)
    if (result === 0) this.delete(fd, key)
    return result
  }
  delete(fd: number, key: Uint8Array): number {
    return this.#way(fd).delete(idOf(key)) ? 0 : ENOENT
  }
  nextKey(fd: number, key: Uint8Array | null, next: Uint8Array): number {
    const ids = [...this.#way(fd).keys()].sort((a, b) => a - b)
    const at = key ? ids.indexOf(idOf(key)) : -1
    const id = ids[at + 1]
    if (id === undefined) return ENOENT
    next.set(new Uint8Array(Uint32Array.of(id).buffer))
    return 0
  }
  lookupAndDeleteBatch(
    _fd: number,
    _from: Uint8Array | null,
    _to: Uint8Array,
    keys: Uint8Array,
    values: Uint8Array,
    count: Uint32Array,
  ): number {
    const taken = this.counts.splice(0, Math.min(this.chunk, count[0] ?? 0))
    for (const [i, row] of taken.entries()) {
      keys.set(new Uint8Array(row.key.buffer), i * KEY_WORDS * 4)
      values.set(new Uint8Array(BigUint64Array.of(BigInt(row.count), 0n).buffer), i * 16)
    }
    count[0] = taken.length
    if (this.counts.length === 0) return ENOENT
    return this.batchError
  }
  updateWaiting(): Promise<number> {
    return Promise.resolve(0)
  }
  #way(fd: number): Map<number, bigint[]> {
    const way = this.stacks.get(fd)
    if (!way) throw new Error(`no stack map ${fd}`)
    return way
  }
}

const idOf = (key: Uint8Array) => new DataView(key.buffer, key.byteOffset, 4).getUint32(0, true)

function keyOf(fields: Partial<Record<keyof typeof KEY, number>>): Uint32Array {
  const key = new Uint32Array(KEY_WORDS)
  for (const [name, word] of Object.entries(KEY)) key[word] = fields[name as keyof typeof KEY] ?? 0
  return key
}

function overflowOf(key: Uint32Array, kernel: bigint[], user: bigint[]): Uint32Array {
  const record = new Uint32Array(OVERFLOW.addresses + 2 * (kernel.length + user.length))
  record.set(key)
  record[OVERFLOW.kernelBytes] = kernel.length * 8
  record[OVERFLOW.userBytes] = user.length * 8
  record.set(new Uint32Array(BigUint64Array.from([...kernel, ...user]).buffer), OVERFLOW.addresses)
  return record
}

function generationOf(maps: MemoryMaps, isKernelThread = (_tgid: number) => false) {
  const generation = new Generation(maps, { counts: COUNTS, ways: [WAY_A, WAY_B] }, isKernelThread)
  const builder = new WindowBuilder(0)
  return {
    generation,
    read: async () => {
      const reading = await generation.take(builder, new Slices())
      return { reading, window: builder.finish(1, 99) }
    },
  }
}

describe.each([true, false])('stack maps that give and delete at once: %s', (takesAtOnce) => {
  test('stacks are found in their way, once each, and both maps are empty after', async () => {
    const maps = Object.assign(new MemoryMaps(), { takesAtOnce })
    maps.stacks.get(WAY_A)?.set(0, [0x10n, 0x20n]).set(5, [0x99n])
    maps.stacks.get(WAY_B)?.set(0, [0x30n]).set(6, [0x98n]).set(7, [0x97n])
    maps.counts.push(
      { key: keyOf({ tgid: 1, userStack: 0, kernelStack: SECOND_WAY }), count: 2 },
      { key: keyOf({ tgid: 2, userStack: 0, kernelStack: EFAULT }), count: 3_000_000_000 },
    )
    const { reading, window } = await generationOf(maps).read()
    expect(reading).toEqual({
      counted: 3_000_000_002,
      overflowed: 0,
      sources: new Map([[0, { counted: 3_000_000_002, overflowed: 0 }]]),
      error: 0,
      stackError: 0,
      missingStacks: 0,
      unclaimedStacks: 3,
      besideStacks: 0,
    })
    expect([...window.count]).toEqual([2, 3_000_000_000])
    expect([...window.userStack]).toEqual([1, 1])
    expect([...window.kernelStack]).toEqual([0, STACK_ABSENT])
    expect([...window.addresses]).toEqual([0x30n, 0x10n, 0x20n])
    for (const way of maps.stacks.values()) expect(way.size).toBe(0)
  })
})

test('counts come in chunks until the kernel says that was the last', async () => {
  const maps = Object.assign(new MemoryMaps(), { chunk: 3 })
  for (let tgid = 1; tgid <= 10; tgid++)
    maps.counts.push({ key: keyOf({ tgid, userStack: EFAULT, kernelStack: EFAULT }), count: tgid })
  const { reading, window } = await generationOf(maps).read()
  expect(reading.counted).toBe(55)
  expect([...window.tgid]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

test('each reason for having no stack has its constant', async () => {
  const maps = new MemoryMaps()
  const reasons = [EFAULT, NO_STACK, EEXIST, ENOMEM, -22]
  for (const [tgid, reason] of reasons.entries())
    maps.counts.push({ key: keyOf({ tgid, userStack: reason, kernelStack: reason }), count: 1 })
  maps.counts.push({
    key: keyOf({ tgid: 9, userStack: EFAULT, kernelStack: 8, kernelThread: 1 }),
    count: 1,
  })
  const { reading, window } = await generationOf(maps).read()
  const rest = [STACK_COLLISION, STACK_NO_MEMORY, STACK_ERROR]
  expect([...window.userStack]).toEqual([STACK_UNREADABLE, STACK_ABSENT, ...rest, STACK_ABSENT])
  expect([...window.kernelStack]).toEqual([STACK_ABSENT, STACK_ERROR, ...rest, STACK_ERROR])
  // Id 8 names no stack.
  expect(reading.missingStacks).toBe(1)
})

test('a sample of the overflow ring has its own stacks and falls together with the counted ones', async () => {
  const maps = new MemoryMaps()
  maps.stacks.get(WAY_A)?.set(4, [0x1n, 0x2n]).set(5, [0xf1n])
  const key = { tgid: 1, kernelStack: 5 }
  maps.counts.push({ key: keyOf({ ...key, userStack: 4 }), count: 2 })
  const { generation, read } = generationOf(maps)
  generation.addOverflow(overflowOf(keyOf({ ...key, userStack: EEXIST }), [], [0x1n, 0x2n]))
  generation.addOverflow(
    overflowOf(keyOf({ tgid: 1, kernelStack: EEXIST, userStack: EEXIST }), [0xf1n], [0x3n]),
  )
  const { reading, window } = await read()
  expect(reading).toMatchObject({ counted: 2, overflowed: 2, missingStacks: 0 })
  expect([...window.count]).toEqual([3, 1])
  expect(window.kernelStack[0]).toBe(window.kernelStack[1])
  expect([...window.addresses]).toEqual([0xf1n, 0x1n, 0x2n, 0x3n])
  expect((await read()).reading.overflowed).toBe(0)
})

test('without BTF a kernel thread is known by /proc', async () => {
  const maps = new MemoryMaps()
  for (const tgid of [2, 3])
    maps.counts.push({ key: keyOf({ tgid, userStack: EFAULT, kernelStack: EFAULT }), count: 1 })
  const { window } = await generationOf(maps, (tgid) => tgid === 2).read()
  expect([...window.kernelThread]).toEqual([1, 0])
  expect([...window.userStack]).toEqual([STACK_ABSENT, STACK_UNREADABLE])
})

test('an error of the kernel in the middle is told with what was read before', async () => {
  const maps = Object.assign(new MemoryMaps(), { chunk: 2, batchError: ENOMEM })
  for (let tgid = 1; tgid <= 4; tgid++)
    maps.counts.push({ key: keyOf({ tgid, userStack: EFAULT, kernelStack: EFAULT }), count: 1 })
  const { reading } = await generationOf(maps).read()
  expect(reading.error).toBe(ENOMEM)
  expect(reading.counted).toBe(0)
})
