import { expect, test } from 'vitest'
import { makeElf, TEXT } from '../../tests/fixtures/programs/tiny-elf.ts'
import { MemorySource } from './byte-source.ts'
import { hashContent, offsetOf, readElf, vaddrOf } from './elf.ts'
import { loadSymbols } from './load-symbols.ts'

const FILE = makeElf({
  buildId: '00ff10',
  entry: 0x1234,
  symbols: [{ name: 'main', value: 0x1100, size: 0x20 }],
  dynamicSymbols: [{ name: 'exported', value: 0x1200, size: 0x20 }],
})

function read(bytes: Buffer) {
  const elf = readElf(new MemorySource(bytes))
  if (elf.kind === 'fault') throw new Error(elf.reason)
  return elf
}

test('headers, sections and the build id are read', () => {
  const elf = read(FILE)
  expect(elf).toMatchObject({ type: 3, machine: 62, entry: 0x1234, buildId: '00ff10' })
  expect(elf.segments).toHaveLength(1)
  expect(elf.sections.map(({ name }) => name)).toContain('.text')
})

test('a file without a build id has none, and its content names it', () => {
  const file = makeElf({})
  expect(read(file).buildId).toBe('')
  const id = hashContent(new MemorySource(file))
  expect(id).toMatch(/^[0-9a-f]{32}$/)
  expect(hashContent(new MemorySource(makeElf({ entry: 1 })))).not.toBe(id)
})

test('file offsets and virtual addresses answer each other, and nothing outside a segment', () => {
  const elf = read(FILE)
  expect(vaddrOf(elf, TEXT.vaddr + 5)).toBe(TEXT.vaddr + 5)
  expect(offsetOf(elf, TEXT.vaddr + 5)).toBe(TEXT.vaddr + 5)
  expect(vaddrOf(elf, TEXT.vaddr + TEXT.sizeBytes)).toBeNull()
  expect(offsetOf(elf, 0)).toBeNull()
})

test.each([
  ['an empty file', Buffer.alloc(0)],
  ['a text', Buffer.from('#!/bin/sh\nexit 0\n'.repeat(10))],
  ['a 32-bit file', patch((file) => file.writeUInt8(1, 4))],
  ['a big-endian file', patch((file) => file.writeUInt8(2, 5))],
  ['segments outside the file', patch((file) => file.writeBigUInt64LE(2n ** 63n, 32))],
  ['more segments than any loader takes', patch((file) => file.writeUInt16LE(65_535, 56))],
])('%s is a fault', (_, bytes) => {
  expect(readElf(new MemorySource(bytes)).kind).toBe('fault')
})

test('a section table that is not there leaves a file without sections', () => {
  expect(read(patch((file) => file.writeBigUInt64LE(2n ** 62n, 40))).sections).toEqual([])
  expect(read(patch((file) => file.writeUInt16LE(65_000, 60))).sections).toEqual([])
})

test('a file cut at any length answers something', () => {
  for (let length = 0; length <= FILE.length; length += length < 256 ? 1 : 37) {
    const source = new MemorySource(FILE.subarray(0, length))
    const elf = readElf(source)
    if (elf.kind === 'elf') loadSymbols({ elf, source, from: 'image' }, null)
    expect(elf.kind).toMatch(/elf|fault/)
  }
})

function patch(change: (file: Buffer) => void): Buffer {
  const file = Buffer.from(FILE)
  change(file)
  return file
}
