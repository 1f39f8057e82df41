import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { pageBytes } from './libc.ts'
import { PerfRing } from './perf-ring.ts'

// A file laid out as the kernel lays out the ring of a perf event: a page of positions, then the data.
const directory = mkdtempSync(join(tmpdir(), 'flamewatch-perf-ring-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const RECORD_BYTES = 24

/** Records of 24 bytes with a number each, as if `start` bytes had been before them. */
function readRing(numbers: readonly number[], start: number) {
  const bytes = Buffer.alloc(2 * pageBytes)
  let head = start
  for (const number of numbers) {
    const record = Buffer.alloc(RECORD_BYTES)
    record.writeUInt32LE(10, 0)
    record.writeUInt16LE(RECORD_BYTES, 6)
    record.writeUInt32LE(number, RECORD_BYTES - 4)
    for (const [i, byte] of record.entries()) bytes[pageBytes + ((head + i) % pageBytes)] = byte
    head += RECORD_BYTES
  }
  bytes.writeBigUInt64LE(BigInt(head), 1024)
  bytes.writeBigUInt64LE(BigInt(start), 1032)
  const path = join(directory, 'ring')
  writeFileSync(path, bytes)
  const fd = openSync(path, 'r+')
  const ring = new PerfRing(fd, pageBytes)
  const read = () => {
    const found: number[] = []
    ring.read((record, view) => {
      expect(record.length).toBe(RECORD_BYTES)
      found.push(view.getUint32(RECORD_BYTES - 4, true))
    })
    return found
  }
  try {
    return [read(), read()]
  } finally {
    ring.close()
    closeSync(fd)
  }
}

test('hands over each record once', () => {
  expect(readRing([1, 2, 3], 0)).toEqual([[1, 2, 3], []])
})

test('a record that goes on at the start of the ring is whole', () => {
  expect(readRing([1, 2, 3], 7 * pageBytes - RECORD_BYTES - 8)).toEqual([[1, 2, 3], []])
})
