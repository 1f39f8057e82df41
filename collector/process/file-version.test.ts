import { expect, test } from 'vitest'
import { MemorySource } from '../symbolize/byte-source.ts'
import { executableVersion, scriptVersion } from './file-version.ts'

const LARGE = 3 * 1024 * 1024

// A 64-bit ELF header, one PT_NOTE segment, one note.
function elfWithBuildId(id: Buffer): Buffer {
  const elf = Buffer.alloc(120 + 16 + id.length)
  elf.write('\x7fELF\x02\x01\x01', 0, 'latin1')
  elf.writeBigUInt64LE(64n, 32)
  elf.writeUInt16LE(56, 54)
  elf.writeUInt16LE(1, 56)
  elf.writeUInt16LE(64, 58)
  elf.writeUInt32LE(4, 64)
  elf.writeBigUInt64LE(120n, 64 + 8)
  elf.writeBigUInt64LE(BigInt(16 + id.length), 64 + 32)
  elf.writeUInt32LE(4, 120)
  elf.writeUInt32LE(id.length, 124)
  elf.writeUInt32LE(3, 128)
  elf.write('GNU\0', 132, 'latin1')
  id.copy(elf, 136)
  return elf
}

test('an executable has the start of its GNU build id for a version', () => {
  const id = Buffer.from('3c5d9a521b7e4f0d9c3e0a1b2c3d4e5f00112233', 'hex')
  expect(executableVersion(new MemorySource(elfWithBuildId(id)))).toBe('3c5d9a521b7e')
})

test('an executable without one has a hash that changes with its content', () => {
  const [a, b] = ['a', 'b'].map((text) => executableVersion(new MemorySource(Buffer.from(text))))
  expect(a).toMatch(/^[0-9a-f]{12}$/)
  expect(b).not.toBe(a)
})

test('a script has a hash of all it says', () => {
  const hash = (text: string) => scriptVersion(new MemorySource(Buffer.from(text)))
  expect(hash('print(1)')).toMatch(/^[0-9a-f]{12}$/)
  expect(hash('print(1)')).toBe(hash('print(1)'))
  expect(hash('print(1)')).not.toBe(hash('print(2)'))
})

test('of a large archive both ends and the length count', () => {
  const hash = (edit: (bytes: Buffer) => Buffer) =>
    scriptVersion(new MemorySource(edit(Buffer.alloc(LARGE))))
  const plain = hash((bytes) => bytes)
  expect(hash((bytes) => bytes.fill(1, 0, 1))).not.toBe(plain)
  expect(hash((bytes) => bytes.fill(1, LARGE - 900_000, LARGE - 899_999))).not.toBe(plain)
  expect(hash((bytes) => Buffer.concat([bytes, Buffer.alloc(1)]))).not.toBe(plain)
})

test('an empty file has a version, too', () => {
  expect(scriptVersion(new MemorySource(Buffer.alloc(0)))).toMatch(/^[0-9a-f]{12}$/)
})
