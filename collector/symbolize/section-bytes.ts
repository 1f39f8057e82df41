import { inflateSync, zstdDecompressSync } from 'node:zlib'
import { type ByteSource, MemorySource, readExactly } from './byte-source.ts'
import { type ElfSection, SHT_NOBITS, word } from './elf.ts'

// Sections of separate debug files may be compressed, each for itself: a header (Elf64_Chdr: type u32,
// reserved u32, size, alignment) and a zlib or zstd stream.

const SHF_COMPRESSED = 0x800
const HEADER_BYTES = 24
const ELFCOMPRESS_ZLIB = 1
const ELFCOMPRESS_ZSTD = 2
// A symbol table of 2 million functions has 48 MB.
const MAX_BYTES = 64 << 20

/** Where the content of a section is: in the file, or in memory when it had to be decompressed. */
export type SectionContent = {
  readonly source: ByteSource
  readonly position: number
  readonly sizeBytes: number
}

/** Null when the section has no bytes in the file, or is compressed in a way that cannot be read. */
export function openSection(source: ByteSource, section: ElfSection): SectionContent | null {
  const { type, flags, offset: position, sizeBytes } = section
  if (type === SHT_NOBITS) return null
  if (Math.floor(flags / SHF_COMPRESSED) % 2 === 0) return { source, position, sizeBytes }
  const bytes = sizeBytes <= MAX_BYTES ? readExactly(source, position, sizeBytes) : null
  const content = bytes === null ? null : decompress(bytes)
  return content && { source: new MemorySource(content), position: 0, sizeBytes: content.length }
}

function decompress(bytes: Buffer): Buffer | null {
  if (bytes.length < HEADER_BYTES) return null
  const maxOutputLength = word(bytes, 8)
  if (maxOutputLength === 0 || maxOutputLength > MAX_BYTES) return null
  const stream = bytes.subarray(HEADER_BYTES)
  try {
    switch (bytes.readUInt32LE(0)) {
      case ELFCOMPRESS_ZLIB:
        return inflateSync(stream, { maxOutputLength })
      case ELFCOMPRESS_ZSTD:
        return zstdDecompressSync(stream, { maxOutputLength })
      default:
        return null
    }
  } catch {
    // Damaged, or longer than it says.
    return null
  }
}
