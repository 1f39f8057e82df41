import { type ByteSource, readExactly } from '../byte-source.ts'
import type { Elf, ElfSection } from '../elf.ts'
import { PT_LOAD, word } from '../elf.ts'
import { GO_LAYOUTS, type GoLayout } from './layout.ts'
import { findInData } from './scan.ts'

/** Go's pclntab: what the runtime knows about the functions of a file. Positions are in the file. */
export type FunctionTable = {
  readonly layout: GoLayout
  /** Addresses in its tables count in units of so many bytes. */
  readonly quantum: number
  readonly functions: number
  /** Virtual addresses of the table and of the names in it. */
  readonly vaddr: number
  readonly namesVaddr: number
  /** As the header says: 0 from Go 1.26. */
  readonly textStart: number
  readonly names: number
  readonly units: number
  readonly files: number
  readonly values: number
  /** Pairs of u32 (start of a function from the start of the code, its place from here). */
  readonly index: number
  readonly end: number
}

const HEADER_BYTES = 72
// The largest Go programs have some 500,000.
const MAX_FUNCTIONS = 1 << 22
const SECTIONS = ['.gopclntab', '.data.rel.ro.gopclntab']

/** Null when the file is no Go program, or of a Go older than 1.18 or not known yet. */
export function findFunctionTable(source: ByteSource, elf: Elf): FunctionTable | null {
  for (const { name, vaddr, offset, sizeBytes } of elf.sections)
    if (SECTIONS.includes(name)) {
      const table = readHeader(source, offset, vaddr, offset + sizeBytes)
      if (table !== null) return table
    }
  return mayBeGo(elf.sections) ? scan(source, elf) : null
}

// Where the C linker makes an executable that can be loaded anywhere, the table may be anywhere in
// .data.rel.ro (Go 1.21); and section names can be taken out.
function mayBeGo(sections: readonly ElfSection[]): boolean {
  return (
    sections.every(({ name }) => name === '') ||
    sections.some(({ name }) => /^\.(note\.)?go\./.test(name))
  )
}

function scan(source: ByteSource, elf: Elf): FunctionTable | null {
  // The upper three bytes of every magic number, and two zeros.
  for (const at of findInData(source, elf, Buffer.from([0xff, 0xff, 0xff, 0, 0]), 1)) {
    const position = at - 1
    const segment = elf.segments.find(
      ({ type, offset, fileBytes }) =>
        type === PT_LOAD && position >= offset && position < offset + fileBytes,
    )
    if (segment === undefined) continue
    const { vaddr, offset, fileBytes } = segment
    const table = readHeader(source, position, position - offset + vaddr, offset + fileBytes)
    if (table !== null) return table
  }
  return null
}

// pcHeader: magic u32, 0, 0, quantum, bytes of a pointer, then words: functions, files, textStart and
// the offsets of names, compilation units, file names, values and functions.
function readHeader(
  source: ByteSource,
  position: number,
  vaddr: number,
  end: number,
): FunctionTable | null {
  const header = readExactly(source, position, HEADER_BYTES)
  const layout = header === null ? undefined : GO_LAYOUTS.get(header.readUInt32LE(0))
  if (header === null || layout === undefined) return null
  const quantum = header[6] as number
  if (header[4] !== 0 || header[5] !== 0 || ![1, 2, 4].includes(quantum) || header[7] !== 8)
    return null
  const functions = word(header, 8)
  const [names, units, files, values, index] = [32, 40, 48, 56, 64].map((at) =>
    word(header, at),
  ) as [number, number, number, number, number]
  const isInOrder = names < units && units <= files && files < values && values < index
  const last = Math.min(end, source.sizeBytes)
  // Behind the last pair is where the code ends.
  const indexEnd = position + index + functions * 8 + 4
  if (!isInOrder || functions < 1 || functions > MAX_FUNCTIONS || indexEnd > last) return null
  return {
    layout,
    quantum,
    functions,
    vaddr,
    namesVaddr: vaddr + names,
    textStart: word(header, 24),
    names: position + names,
    units: position + units,
    files: position + files,
    values: position + values,
    index: position + index,
    end: last,
  }
}
