import { type ByteSource, readExactly } from './byte-source.ts'
import { Cursor, setsUndefined } from './call-frame.ts'
import { type Elf, offsetOf, PT_GNU_EH_FRAME } from './elf.ts'

// Where functions begin and end, from the tables that unwinders use: they survive stripping. Only
// .eh_frame_hdr's sorted table and single entries are read, by position.
// https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/ehframechpt.html

export type Fde = {
  readonly start: number
  readonly end: number
  /**
   * The return address is undefined where it begins: the mark of a frame that nobody called, which
   * glibc sets in _start, clone and clone3.
   */
  readonly outermost: boolean
}

/** The sorted table of .eh_frame_hdr: `count` pairs (start, entry) of 32 bits relative to `vaddr`. */
export type FdeIndex = {
  readonly vaddr: number
  readonly position: number
  readonly count: number
}

// The encodings every linker uses: pc-relative and data-relative signed 32 bits.
const DW_EH_PE_UDATA4 = 0x03
const PCREL_SDATA4 = 0x1b
const DATAREL_SDATA4 = 0x3b
const ENTRY_BYTES = 8
// Entries are some ten bytes; a CIE with a long augmentation stays below a hundred.
const MAX_ENTRY_BYTES = 4096
const BLOCK_ENTRIES = 512

/** Null when the file has no such table, or one in an encoding nobody writes. */
export function readFdeIndex(source: ByteSource, elf: Elf): FdeIndex | null {
  const segment = elf.segments.find((s) => s.type === PT_GNU_EH_FRAME)
  if (segment === undefined) return null
  const header = readExactly(source, segment.offset, 12)
  if (header === null || header[0] !== 1) return null
  if (header[1] !== PCREL_SDATA4 || header[2] !== DW_EH_PE_UDATA4 || header[3] !== DATAREL_SDATA4)
    return null
  const position = segment.offset + 12
  const inFile = Math.floor((source.sizeBytes - position) / ENTRY_BYTES)
  const count = Math.min(header.readUInt32LE(8), Math.max(0, inFile))
  return count === 0 ? null : { vaddr: segment.vaddr, position, count }
}

/** The function that covers `vaddr`; null when none says so. */
export function findFde(source: ByteSource, elf: Elf, index: FdeIndex, vaddr: number): Fde | null {
  const wanted = vaddr - index.vaddr
  let low = 0
  let high = index.count
  while (high - low > BLOCK_ENTRIES) {
    const middle = (low + high) >>> 1
    const entry = readExactly(source, index.position + middle * ENTRY_BYTES, ENTRY_BYTES)
    if (entry === null) return null
    if (entry.readInt32LE(0) <= wanted) low = middle
    else high = middle
  }
  const block = readExactly(source, index.position + low * ENTRY_BYTES, (high - low) * ENTRY_BYTES)
  if (block === null) return null
  let found = -1
  for (let at = 0; at < block.length && block.readInt32LE(at) <= wanted; at += ENTRY_BYTES)
    found = at
  if (found < 0) return null
  const fde = readFde(source, elf, index.vaddr + block.readInt32LE(found + 4))
  return fde !== null && vaddr >= fde.start && vaddr < fde.end ? fde : null
}

/** Every function that is an outermost frame; reads the whole table when it is within `maxBytes`. */
export function findOutermost(
  source: ByteSource,
  elf: Elf,
  index: FdeIndex,
  maxEntries: number,
): Fde[] {
  if (index.count > maxEntries) return []
  const table = readExactly(source, index.position, index.count * ENTRY_BYTES)
  if (table === null) return []
  const cies: KnownCies = new Map()
  const found: Fde[] = []
  for (let at = 0; at < table.length; at += ENTRY_BYTES) {
    const fde = readFde(source, elf, index.vaddr + table.readInt32LE(at + 4), cies)
    if (fde?.outermost) found.push(fde)
  }
  return found
}

/** What the entries of several functions share. */
export type Cie = {
  readonly pointerEncoding: number
  readonly hasAugmentationData: boolean
  readonly returnRegister: number
  readonly outermost: boolean
  readonly codeAlignment: number
  readonly dataAlignment: number
  /** Its functions are what a signal handler returns to. */
  readonly isSignalFrame: boolean
  /** Where its instructions begin in its bytes. */
  readonly instructionsAt: number
}

/** By position: all functions of a file share a few. */
type KnownCies = Map<number, Cie | null>

function readFde(source: ByteSource, elf: Elf, vaddr: number, known?: KnownCies): Fde | null {
  const position = offsetOf(elf, vaddr)
  const bytes = position === null ? null : readEntry(source, position)
  const back = bytes?.readUInt32LE(4) ?? 0
  if (position === null || bytes === null || back === 0) return null
  const cieAt = position + 4 - back
  const cie = known?.get(cieAt) ?? readCie(source, cieAt)
  known?.set(cieAt, cie)
  if (cie === null) return null
  const cursor = new Cursor(bytes, 8)
  let start: number
  let length: number
  if (cie.pointerEncoding === PCREL_SDATA4) {
    start = vaddr + 8 + cursor.i32()
    length = cursor.i32() >>> 0
  } else if (cie.pointerEncoding === 0) {
    start = cursor.u64()
    length = cursor.u64()
  } else return null
  if (cie.hasAugmentationData) cursor.skip(cursor.uleb())
  const outermost = setsUndefined(cursor, cie.returnRegister) ?? cie.outermost
  return cursor.overrun ? null : { start, end: start + length, outermost }
}

/** A CIE or FDE with its length in front. */
function readEntry(source: ByteSource, position: number): Buffer | null {
  const length = readExactly(source, position, 4)?.readUInt32LE(0) ?? 0
  return length < 12 || length > MAX_ENTRY_BYTES ? null : readExactly(source, position, length + 4)
}

function readCie(source: ByteSource, position: number): Cie | null {
  const bytes = readEntry(source, position)
  return bytes === null ? null : parseCie(bytes)
}

/** `bytes` is a whole entry, its 4 bytes of length in front. Null for what is no CIE, or a newer one. */
export function parseCie(bytes: Buffer): Cie | null {
  if (bytes.length < 12 || bytes.readUInt32LE(4) !== 0) return null
  const version = bytes[8]
  if (version !== 1 && version !== 3) return null
  const end = bytes.indexOf(0, 9)
  if (end < 0) return null
  const augmentation = bytes.toString('latin1', 9, end)
  const cursor = new Cursor(bytes, end + 1)
  const codeAlignment = cursor.uleb()
  const dataAlignment = cursor.sleb()
  const returnRegister = version === 1 ? cursor.u8() : cursor.uleb()
  let pointerEncoding = 0
  if (augmentation.startsWith('z')) {
    const after = cursor.uleb() + cursor.at
    for (const letter of augmentation.slice(1)) {
      if (letter === 'R') pointerEncoding = cursor.u8()
      else if (letter === 'L') cursor.u8()
      else if (letter === 'P') cursor.skip(pointerBytes(cursor.u8()))
    }
    cursor.at = after
  } else if (augmentation !== '') return null
  const instructionsAt = cursor.at
  const outermost = setsUndefined(cursor, returnRegister) ?? false
  if (cursor.overrun) return null
  return {
    ...{ pointerEncoding, returnRegister, outermost, codeAlignment, dataAlignment, instructionsAt },
    hasAugmentationData: augmentation.startsWith('z'),
    isSignalFrame: augmentation.includes('S'),
  }
}

function pointerBytes(encoding: number): number {
  const format = encoding & 7
  return format === 2 ? 2 : format === 3 ? 4 : 8
}
