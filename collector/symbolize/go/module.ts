import { type ByteSource, readExactly } from '../byte-source.ts'
import type { Elf } from '../elf.ts'
import { word } from '../elf.ts'
import type { FunctionTable } from './function-table.ts'
import { MODULE } from './layout.ts'
import { findInData } from './scan.ts'

/** What the runtime's moduledata says: virtual addresses before the file is moved to where it is loaded. */
export type GoModule = {
  readonly text: number
  readonly textEnd: number
  /** What the inline trees of functions are counted from; null when it is not known. */
  readonly inlineTrees: number | null
}

/** Gives the word at an offset in the module's structure. */
type ReadWord = (offset: number) => number

export function findModule(source: ByteSource, elf: Elf, table: FunctionTable): GoModule | null {
  const section = elf.sections.find(({ name }) => name === '.go.module')
  const found = section && readModule(readInPlace(source, section.offset), table)
  if (found) return found
  // It begins with a pointer to the table and one to the names.
  const pointers = Buffer.alloc(16)
  pointers.writeBigUInt64LE(BigInt(table.vaddr), 0)
  pointers.writeBigUInt64LE(BigInt(table.namesVaddr), 8)
  for (const position of findInData(source, elf, pointers)) {
    const module = readModule(readInPlace(source, position), table)
    if (module !== null) return module
  }
  return findRelocated(source, elf, table)
}

function readInPlace(source: ByteSource, position: number): ReadWord {
  const bytes = readExactly(source, position, MODULE.bytes)
  return (offset) => (bytes === null ? 0 : word(bytes, offset))
}

function readModule(read: ReadWord, table: FunctionTable): GoModule | null {
  if (read(0) !== table.vaddr || read(8) !== table.namesVaddr) return null
  const [text, textEnd] = [read(MODULE.text), read(MODULE.textEnd)]
  // The index of functions has 32 bits for an address.
  if (!(text < textEnd && textEnd - text < 2 ** 32)) return null
  return { text, textEnd, inlineTrees: read(table.layout.inlineTrees) || null }
}

const SHT_RELA = 4
const RELOCATION_BYTES = 24
const PIECE_RELOCATIONS = 4096
const MAX_RELOCATIONS = 1 << 22
// R_X86_64_RELATIVE, R_AARCH64_RELATIVE: the word is the addend, moved with the file.
const RELATIVE: readonly number[] = [8, 1027]

// A linker may leave the words themselves empty and write them into relocations only, as lld does.
function findRelocated(source: ByteSource, elf: Elf, table: FunctionTable): GoModule | null {
  const first = new Set<number>()
  const second: number[] = []
  for (const { vaddr, addend } of relocations(source, elf))
    if (addend === table.vaddr) first.add(vaddr)
    else if (addend === table.namesVaddr) second.push(vaddr)
  const start = second.map((vaddr) => vaddr - 8).find((vaddr) => first.has(vaddr))
  if (start === undefined) return null
  const words = new Map<number, number>()
  for (const { vaddr, addend } of relocations(source, elf))
    if (vaddr >= start && vaddr < start + MODULE.bytes) words.set(vaddr - start, addend)
  return readModule((offset) => words.get(offset) ?? 0, table)
}

function* relocations(
  source: ByteSource,
  elf: Elf,
): Generator<{ readonly vaddr: number; readonly addend: number }> {
  let left = MAX_RELOCATIONS
  for (const { type, offset, sizeBytes } of elf.sections) {
    if (type !== SHT_RELA) continue
    const total = Math.min(left, Math.floor(sizeBytes / RELOCATION_BYTES))
    for (let done = 0; done < total; done += PIECE_RELOCATIONS) {
      const count = Math.min(PIECE_RELOCATIONS, total - done)
      const bytes = readExactly(source, offset + done * RELOCATION_BYTES, count * RELOCATION_BYTES)
      if (bytes === null) break
      for (let at = 0; at < bytes.length; at += RELOCATION_BYTES)
        if (RELATIVE.includes(bytes.readUInt32LE(at + 8)))
          yield { vaddr: word(bytes, at), addend: word(bytes, at + 16) }
    }
    left -= total
  }
}
