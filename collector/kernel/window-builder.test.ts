import { expect, test } from 'vitest'
import { STACK_ABSENT } from '../window.ts'
import { KEY, KEY_WORDS } from './sample-layout.ts'
import { WindowBuilder } from './window-builder.ts'

function key(fields: Partial<Record<keyof typeof KEY, number>>): Uint32Array {
  const words = new Uint32Array(KEY_WORDS)
  for (const [name, word] of Object.entries(KEY))
    words[word] = fields[name as keyof typeof KEY] ?? 0
  return words
}

const words = (...addresses: bigint[]) => new Uint32Array(BigUint64Array.from(addresses).buffer)

test('makes columns of rows, and stacks of their addresses', () => {
  const builder = new WindowBuilder(1000)
  const user = builder.addStack(words(0x7fff_1234_5678n, 0x40_0000n), 0, 4)
  const kernel = builder.addStack(words(0xffff_ffff_8100_0000n), 0, 2)
  const row = key({ tgid: 42, kernelStack: kernel, userStack: user, program: 3 })
  row.set(words(123_456_789_012n, 77n), KEY.startTime)
  Buffer.from(row.buffer).write('node', KEY.comm * 4)
  builder.addRow(row, 3)
  builder.addTaken(10, 7)
  expect(builder.finish(2000, 99)).toEqual({
    startMs: 1000,
    endMs: 2000,
    frequencyHz: 99,
    taken: 10,
    idle: 7,
    dropped: {},
    rows: 1,
    tgid: Uint32Array.of(42),
    startTimeNs: BigUint64Array.of(123_456_789_012n),
    program: Uint32Array.of(3),
    cgroupId: BigUint64Array.of(77n),
    comm: new Uint8Array(Buffer.concat([Buffer.from('node'), Buffer.alloc(12)])),
    kernelThread: Uint8Array.of(0),
    count: Uint32Array.of(3),
    kernelStack: Int32Array.of(1),
    userStack: Int32Array.of(0),
    stackEnd: Uint32Array.of(2, 3),
    addresses: BigUint64Array.of(0x7fff_1234_5678n, 0x40_0000n, 0xffff_ffff_8100_0000n),
  })
})

test('adds up equal rows, also those of another reading whose stacks have other ids', () => {
  const builder = new WindowBuilder(0)
  for (const count of [2, 3]) {
    const userStack = builder.addStack(words(1n, 2n, 0n, 0n), 0, 8)
    builder.addRow(key({ tgid: 1, userStack, kernelStack: STACK_ABSENT }), count)
  }
  builder.addRow(key({ tgid: 2, userStack: 0, kernelStack: STACK_ABSENT }), 1)
  const window = builder.finish(1, 99)
  expect([...window.tgid]).toEqual([1, 2])
  expect([...window.count]).toEqual([5, 1])
  expect([...window.kernelStack]).toEqual([STACK_ABSENT, STACK_ABSENT])
  expect([...window.addresses]).toEqual([1n, 2n])
})

test('keeps a zero between frames and calls a stack of zeros absent', () => {
  const builder = new WindowBuilder(0)
  expect(builder.addStack(words(5n, 0n, 6n, 0n), 0, 8)).toBe(0)
  expect(builder.addStack(words(0n, 0n), 0, 4)).toBe(STACK_ABSENT)
  expect([...builder.finish(1, 99).addresses]).toEqual([5n, 0n, 6n])
})

test('adds drops of one reason and names none that did not happen', () => {
  const builder = new WindowBuilder(0)
  builder.addDropped('counts_full', 2)
  builder.addDropped('counts_full', 3)
  builder.addDropped('recursion', 0)
  expect(builder.finish(1, 99).dropped).toEqual({ counts_full: 5 })
})

test('keeps what each source counted apart, with the same stacks', () => {
  const builder = new WindowBuilder(0)
  const userStack = builder.addStack(words(1n, 2n), 0, 4)
  const row = (source: number) => key({ tgid: 1, userStack, source })
  builder.addRow(row(0), 2)
  builder.addRow(row(1), 3, 9_000_000_000)
  builder.addRow(row(1), 1, 500)
  builder.addTaken(2, 0)
  builder.addTaken(7, 0, 1, 2)
  builder.addDropped('wait_memory', 1, 1)
  const kind = { sample: { type: 'off_cpu', unit: 'nanoseconds' }, period: null }
  const window = builder.finish(1, 99, new Map([[1, kind]]))
  expect(window).toMatchObject({ taken: 2, dropped: {}, count: Uint32Array.of(2) })
  expect(window.filtered).toBeUndefined()
  expect(window.beside).toHaveLength(1)
  expect(window.beside?.[0]).toMatchObject({
    ...{ kind, taken: 7, filtered: 2, dropped: { wait_memory: 1 } },
    ...{ count: Uint32Array.of(4), userStack: Int32Array.of(0) },
  })
  expect(window.beside?.[0]?.sum).toEqual(Float64Array.of(9_000_000_500))
})

test('a window without samples has no rows', () => {
  const window = new WindowBuilder(0).finish(1, 99)
  expect(window.rows).toBe(0)
  expect(window.addresses.length + window.stackEnd.length + window.comm.length).toBe(0)
})
