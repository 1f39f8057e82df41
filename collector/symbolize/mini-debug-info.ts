import { type ByteSource, MemorySource, readExactly } from './byte-source.ts'
import { type Elf, readElf } from './elf.ts'
import { decompressXz } from './liblzma.ts'
import type { SymbolFile } from './load-symbols.ts'

// Fedora and its kin leave in every stripped file the functions that .dynsym does not have: an ELF
// file of nothing but a symbol table, in xz.
// https://sourceware.org/gdb/current/onlinedocs/gdb.html/MiniDebugInfo.html

const MAX_COMPRESSED_BYTES = 8 << 20
// The largest of Fedora's are some 15 MB.
const MAX_BYTES = 32 << 20

/** Null when there is none, it is damaged, or this machine has no liblzma. */
export function readMiniDebugInfo(source: ByteSource, elf: Elf): SymbolFile | null {
  const section = elf.sections.find(({ name }) => name === '.gnu_debugdata')
  if (section === undefined || section.sizeBytes > MAX_COMPRESSED_BYTES) return null
  const compressed = readExactly(source, section.offset, section.sizeBytes)
  const bytes = compressed && decompressXz(compressed, MAX_BYTES)
  if (bytes === null) return null
  const memory = new MemorySource(bytes)
  const mini = readElf(memory)
  return mini.kind === 'elf' ? { elf: mini, source: memory, from: 'memory' } : null
}
