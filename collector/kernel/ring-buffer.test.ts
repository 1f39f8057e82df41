import {
  closeSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { pageBytes } from './libc.ts'
import { RingBuffer } from './ring-buffer.ts'

const BUSY = 0x80000000
const DISCARDED = 0x40000000

// A file laid out as the kernel lays out a ring buffer: two pages of positions, the data twice.
const directory = mkdtempSync(join(tmpdir(), 'flamewatch-ring-'))
const size = pageBytes
let fd = -1
let ring: RingBuffer | undefined

afterEach(() => {
  ring?.close()
  closeSync(fd)
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

type Record = { readonly text: string; readonly flags?: number }

function ringOf(records: readonly Record[], start = 0): RingBuffer {
  const data = Buffer.alloc(2 * size)
  let position = start
  for (const { text, flags = 0 } of records) {
    const bytes = Buffer.alloc((8 + text.length + 7) & ~7)
    bytes.writeUInt32LE((text.length | flags) >>> 0, 0)
    bytes.write(text, 8, 'latin1')
    // Both copies are the same memory in the kernel.
    for (const copy of [0, size])
      for (const [i, byte] of bytes.entries()) data[((position + i) % size) + copy] = byte
    position += bytes.length
  }
  const positions = Buffer.alloc(2 * pageBytes)
  positions.writeBigUInt64LE(BigInt(start), 0)
  positions.writeBigUInt64LE(BigInt(position), pageBytes)
  const path = join(mkdtempSync(join(directory, 'ring-')), 'ring')
  writeFileSync(path, Buffer.concat([positions, data]))
  fd = openSync(path, 'r+')
  ring = new RingBuffer(fd, size)
  return ring
}

function readAll(from: RingBuffer, limit = 100) {
  const texts: string[] = []
  const state = from.read(from.producerPosition(), limit, (memory, offset, length) => {
    texts.push(Buffer.from(memory, offset, length).toString('latin1'))
  })
  return { texts, state }
}

test('records come in order, once, whatever their length', () => {
  const from = ringOf([
    { text: 'a' },
    { text: '' },
    { text: 'x'.repeat(100) },
    { text: '12345678' },
  ])
  expect(readAll(from)).toEqual({ texts: ['a', '', 'x'.repeat(100), '12345678'], state: 'done' })
  expect(readAll(from)).toEqual({ texts: [], state: 'done' })
  const consumer = Buffer.alloc(8)
  readSync(fd, consumer, 0, 8, 0)
  expect(consumer.readBigUInt64LE()).toBe(from.producerPosition())
})

test('a record that passes the end of the ring is in one piece', () => {
  const from = ringOf([{ text: 'y'.repeat(64) }], 7 * size - 16)
  expect(readAll(from).texts).toEqual(['y'.repeat(64)])
})

test('a discarded record is passed over, an unfinished one waited for', () => {
  const from = ringOf([
    { text: 'gone', flags: DISCARDED },
    { text: 'kept' },
    { text: 'late', flags: BUSY },
    { text: 'next' },
  ])
  expect(readAll(from)).toEqual({ texts: ['kept'], state: 'busy' })
  const finished = Buffer.alloc(4)
  finished.writeUInt32LE(4)
  for (const copy of [0, size]) writeSync(fd, finished, 0, 4, 2 * pageBytes + 32 + copy)
  expect(readAll(from)).toEqual({ texts: ['late', 'next'], state: 'done' })
})

test('a limit leaves the rest for the next call', () => {
  const from = ringOf([{ text: 'a' }, { text: 'b' }, { text: 'c' }])
  expect(readAll(from, 2)).toEqual({ texts: ['a', 'b'], state: 'more' })
  expect(readAll(from, 2)).toEqual({ texts: ['c'], state: 'done' })
})

test('a closed ring has nothing', () => {
  const from = ringOf([{ text: 'a' }])
  from.close()
  expect(from.read(100n, 1, () => expect.unreachable())).toBe('done')
})
