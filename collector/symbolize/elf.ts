import { createHash } from 'node:crypto'
import { type ByteSource, readExactly } from './byte-source.ts'

// Reads the headers of 64-bit little-endian ELF files by position, never the whole file. Files come
// from containers and are hostile: every offset and count is checked against the file's size and a
// cap before anything is allocated. https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html

export type ElfSegment = {
  readonly type: number
  readonly flags: number
  readonly offset: number
  readonly vaddr: number
  readonly fileBytes: number
  readonly memoryBytes: number
}

export type ElfSection = {
  readonly name: string
  readonly type: number
  readonly flags: number
  readonly vaddr: number
  readonly offset: number
  readonly sizeBytes: number
  readonly link: number
}

export type Elf = {
  readonly kind: 'elf'
  readonly type: number
  readonly machine: number
  readonly entry: number
  readonly segments: readonly ElfSegment[]
  readonly sections: readonly ElfSection[]
  /** GNU build id in lower-case hex, '' when there is none. */
  readonly buildId: string
}

export type ElfFault = { readonly kind: 'fault'; readonly reason: string }

export const ET_EXEC = 2
export const EM_X86_64 = 62
export const EM_AARCH64 = 183
export const PT_LOAD = 1
export const PT_DYNAMIC = 2
export const PT_INTERP = 3
export const PT_GNU_EH_FRAME = 0x6474e550
export const PF_X = 1
export const SHT_SYMTAB = 2
export const SHT_NOBITS = 8
export const SHT_DYNSYM = 11
const PT_NOTE = 4
const SHT_NOTE = 7

const HEADER_BYTES = 64
const SEGMENT_BYTES = 56
const SECTION_BYTES = 64
// Linkers write about 10 segments and 40 sections; the kernel refuses more than 64 KiB of segments.
const MAX_SEGMENTS = 1170
const MAX_SECTIONS = 20_000
const MAX_SECTION_NAMES_BYTES = 1 << 20
const MAX_NOTE_BYTES = 64 << 10
const MAX_NOTES = 64
// SHA-512 is the longest build id a linker makes.
const MAX_BUILD_ID_BYTES = 64

export function readElf(source: ByteSource): Elf | ElfFault {
  const header = readExactly(source, 0, HEADER_BYTES)
  if (header === null || header.readUInt32BE(0) !== 0x7f454c46) return fault('not an ELF file')
  if (header[4] !== 2 || header[5] !== 1) return fault('not 64-bit little-endian')
  const segments = readSegments(source, header)
  if (segments === null) return fault('program headers outside the file')
  const sections = readSections(source, header)
  return {
    kind: 'elf',
    type: header.readUInt16LE(16),
    machine: header.readUInt16LE(18),
    entry: word(header, 24),
    segments,
    sections,
    buildId: readBuildId(source, segments, sections),
  }
}

/** A content id for files without a build id: hash of the first and last 4 KiB and the length. */
export function hashContent(source: ByteSource): string {
  const length = Math.min(4096, source.sizeBytes)
  const hash = createHash('sha256')
  for (const position of [0, source.sizeBytes - length])
    hash.update(readExactly(source, position, length) ?? '')
  return hash.update(String(source.sizeBytes)).digest('hex').slice(0, 32)
}

/** The virtual address of a file offset, by the segment that loads it; null when none does. */
export function vaddrOf(elf: Pick<Elf, 'segments'>, offset: number): number | null {
  let answer: number | null = null
  for (const segment of elf.segments) {
    if (segment.type !== PT_LOAD) continue
    // A segment is mapped in whole pages, so bytes before it on its first page belong to it too.
    const first = segment.offset - (segment.offset % 4096)
    if (offset < first || offset >= segment.offset + segment.fileBytes) continue
    const vaddr = offset - segment.offset + segment.vaddr
    // Two segments can share a page of the file; code is what addresses are asked for.
    if ((segment.flags & PF_X) !== 0) return vaddr
    answer ??= vaddr
  }
  return answer
}

/** Where the byte of a virtual address lies in the file; null when it is in none of its segments. */
export function offsetOf(elf: Elf, vaddr: number): number | null {
  for (const { type, vaddr: start, offset, fileBytes } of elf.segments)
    if (type === PT_LOAD && vaddr >= start && vaddr < start + fileBytes)
      return vaddr - start + offset
  return null
}

/** 64-bit fields as numbers; those beyond 2^53 become a number no file has an offset for. */
export function word(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 4) * 0x1_0000_0000 + bytes.readUInt32LE(at)
}

function readSegments(source: ByteSource, header: Buffer): ElfSegment[] | null {
  const count = header.readUInt16LE(56)
  if (count === 0) return []
  if (count > MAX_SEGMENTS || header.readUInt16LE(54) !== SEGMENT_BYTES) return null
  const bytes = readExactly(source, word(header, 32), count * SEGMENT_BYTES)
  if (bytes === null) return null
  return Array.from({ length: count }, (_, i) => {
    const at = i * SEGMENT_BYTES
    return {
      type: bytes.readUInt32LE(at),
      flags: bytes.readUInt32LE(at + 4),
      offset: word(bytes, at + 8),
      vaddr: word(bytes, at + 16),
      fileBytes: word(bytes, at + 32),
      memoryBytes: word(bytes, at + 40),
    }
  })
}

// Sections are optional: without them, or with nonsense in their place, there are no symbols.
function readSections(source: ByteSource, header: Buffer): ElfSection[] {
  const at = word(header, 40)
  if (at === 0 || header.readUInt16LE(58) !== SECTION_BYTES) return []
  const first = readExactly(source, at, SECTION_BYTES)
  if (first === null) return []
  // Counts that do not fit 16 bits are in the first section.
  const count = header.readUInt16LE(60) || word(first, 32)
  const namesIndex = header.readUInt16LE(62)
  if (count > MAX_SECTIONS) return []
  const bytes = readExactly(source, at, count * SECTION_BYTES)
  if (bytes === null) return []
  const names = readNames(
    source,
    bytes,
    namesIndex === 0xffff ? first.readUInt32LE(40) : namesIndex,
    count,
  )
  return Array.from({ length: count }, (_, i) => {
    const o = i * SECTION_BYTES
    return {
      name: nameAt(names, bytes.readUInt32LE(o)),
      type: bytes.readUInt32LE(o + 4),
      flags: word(bytes, o + 8),
      vaddr: word(bytes, o + 16),
      offset: word(bytes, o + 24),
      sizeBytes: word(bytes, o + 32),
      link: bytes.readUInt32LE(o + 40),
    }
  })
}

function readNames(source: ByteSource, sections: Buffer, index: number, count: number): Buffer {
  if (index >= count) return Buffer.alloc(0)
  const at = index * SECTION_BYTES
  const length = Math.min(word(sections, at + 32), MAX_SECTION_NAMES_BYTES)
  return readExactly(source, word(sections, at + 24), length) ?? Buffer.alloc(0)
}

function nameAt(names: Buffer, at: number): string {
  if (at >= names.length) return ''
  const end = names.indexOf(0, at)
  return names.toString('latin1', at, Math.min(end < 0 ? names.length : end, at + 128))
}

// Notes are found by segment, as the loader does; a separate debug file has them by section only.
function readBuildId(
  source: ByteSource,
  segments: readonly ElfSegment[],
  sections: readonly ElfSection[],
): string {
  const notes = [
    ...segments.filter(({ type }) => type === PT_NOTE).map((s) => [s.offset, s.fileBytes] as const),
    ...sections
      .filter(({ type }) => type === SHT_NOTE)
      .map((s) => [s.offset, s.sizeBytes] as const),
  ]
  for (const [offset, length] of notes.slice(0, MAX_NOTES)) {
    const id = findBuildId(source, offset, length)
    if (id !== '') return id
  }
  return ''
}

const NT_GNU_BUILD_ID = 3

function findBuildId(source: ByteSource, position: number, length: number): string {
  const notes = readExactly(source, position, Math.min(length, MAX_NOTE_BYTES))
  if (notes === null) return ''
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameBytes = notes.readUInt32LE(at)
    const idBytes = notes.readUInt32LE(at + 4)
    const idAt = at + 12 + align4(nameBytes)
    const next = idAt + align4(idBytes)
    if (next > notes.length) return ''
    if (
      notes.readUInt32LE(at + 8) === NT_GNU_BUILD_ID &&
      nameBytes === 4 &&
      notes.toString('latin1', at + 12, at + 16) === 'GNU\0' &&
      idBytes > 0 &&
      idBytes <= MAX_BUILD_ID_BYTES
    )
      return notes.toString('hex', idAt, idAt + idBytes)
    at = next
  }
  return ''
}

function align4(n: number): number {
  return Math.ceil(n / 4) * 4
}

function fault(reason: string): ElfFault {
  return { kind: 'fault', reason }
}
