import { type ByteSource, readExactly } from '../../symbolize/byte-source.ts'
import { type Elf, offsetOf, SHT_DYNSYM, SHT_SYMTAB } from '../../symbolize/elf.ts'

// struct Elf64_Sym
const SYMBOL_BYTES = 24
const STT_FUNC = 2
const MAX_TABLE_BYTES = 512 << 20

/** Functions of an ELF file with their places in the file; those another file defines are left out. */
export function* listFunctions(
  source: ByteSource,
  elf: Elf,
): Generator<{ readonly name: string; readonly offset: number }> {
  for (const type of [SHT_SYMTAB, SHT_DYNSYM]) {
    const table = elf.sections.find((section) => section.type === type)
    const strings = table && elf.sections[table.link]
    if (!table || !strings || Math.max(table.sizeBytes, strings.sizeBytes) > MAX_TABLE_BYTES)
      continue
    const symbols = readExactly(source, table.offset, table.sizeBytes)
    const names = readExactly(source, strings.offset, strings.sizeBytes)
    if (!symbols || !names) continue
    for (let at = 0; at + SYMBOL_BYTES <= symbols.length; at += SYMBOL_BYTES) {
      const isFunction = ((symbols[at + 4] as number) & 15) === STT_FUNC
      const isDefined = symbols.readUInt16LE(at + 6) !== 0
      const address = Number(symbols.readBigUInt64LE(at + 8))
      const offset = isFunction && isDefined ? offsetOf(elf, address) : null
      if (offset === null) continue
      const start = symbols.readUInt32LE(at)
      const end = names.indexOf(0, start)
      if (end > start) yield { name: names.toString('latin1', start, end), offset }
    }
  }
}
