import { deflateSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { MemorySource, readExactly } from './byte-source.ts'
import { openSection } from './section-bytes.ts'

const TEXT = Buffer.from('one two three '.repeat(100))

/** A section of these bytes, marked as compressed when a header says how. */
function contentOf(bytes: Buffer, type = 1, flags = 0x800): Buffer | null {
  const source = new MemorySource(Buffer.concat([Buffer.alloc(16), bytes]))
  const place = { name: '.symtab', vaddr: 0, link: 0, offset: 16, sizeBytes: bytes.length }
  const content = openSection(source, { ...place, type, flags })
  return content && readExactly(content.source, content.position, content.sizeBytes)
}

function compressed(type: number, stream: Buffer, sizeBytes = TEXT.length): Buffer {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(type, 0)
  header.writeBigUInt64LE(BigInt(sizeBytes), 8)
  return Buffer.concat([header, stream])
}

test('a section is where it is, unless it is compressed by zlib or zstd', () => {
  expect(contentOf(TEXT, 1, 0)).toEqual(TEXT)
  expect(contentOf(compressed(1, deflateSync(TEXT)))).toEqual(TEXT)
  expect(contentOf(compressed(2, zstdCompressSync(TEXT)))).toEqual(TEXT)
})

test('a section without bytes, of another compression, damaged or longer than it says has no content', () => {
  expect(contentOf(TEXT, 8, 0)).toBeNull()
  expect(contentOf(compressed(3, deflateSync(TEXT)))).toBeNull()
  expect(contentOf(compressed(1, Buffer.from('no stream')))).toBeNull()
  expect(contentOf(compressed(1, deflateSync(TEXT), 10))).toBeNull()
  expect(contentOf(compressed(2, zstdCompressSync(TEXT), 10))).toBeNull()
  expect(contentOf(compressed(1, deflateSync(TEXT), 2 ** 40))).toBeNull()
  expect(contentOf(Buffer.alloc(3))).toBeNull()
})
