import { type ByteSource, readCString, readExactly } from './byte-source.ts'
import { type Elf, type ElfSection, EM_AARCH64, EM_X86_64, SHT_DYNSYM, word } from './elf.ts'

// A PLT stub jumps through a slot of the global offset table; the relocation of that slot names the
// function it stands for, or, for one that is chosen at start (IFUNC), the code that chooses.

export type PltTarget =
  | { readonly kind: 'symbol'; readonly systemName: string }
  | { readonly kind: 'resolver'; readonly vaddr: number }

const STUB_BYTES = 16
const SYMBOL_BYTES = 24
const RELOCATION_BYTES = 24
const PIECE_RELOCATIONS = 4096
// .rela.dyn and .rela.plt; Chromium has a million relocations.
const MAX_TABLES = 4
const MAX_RELOCATIONS = 1 << 22
const SHT_RELA = 4
const MAX_NAME_BYTES = 8 << 10

/** What the stub at `vaddr` stands for; null when there is none. */
export function readPltTarget(source: ByteSource, elf: Elf, vaddr: number): PltTarget | null {
  const section = elf.sections.find(
    (s) => s.name.startsWith('.plt') && vaddr >= s.vaddr && vaddr < s.vaddr + s.sizeBytes,
  )
  const slot = section === undefined ? null : readSlot(source, elf, section, vaddr)
  if (slot === null) return null
  const tables = elf.sections.filter(({ type }) => type === SHT_RELA).slice(0, MAX_TABLES)
  for (const relocations of tables) {
    const found = findRelocation(source, relocations, slot)
    if (found === null) continue
    if (found.symbol === 0) return { kind: 'resolver', vaddr: found.addend }
    const systemName = readSymbolName(source, elf, found.symbol)
    return systemName === null ? null : { kind: 'symbol', systemName }
  }
  return null
}

// The slot's address is in the stub's jump: x86-64 `jmp *slot(%rip)`, arm64 `adrp x16, page; ldr
// x17, [x16, #offset]`, each with or without a landing pad before it.
function readSlot(source: ByteSource, elf: Elf, section: ElfSection, vaddr: number): number | null {
  const start = vaddr - ((vaddr - section.vaddr) % STUB_BYTES)
  const stub = readExactly(source, start - section.vaddr + section.offset, STUB_BYTES)
  if (stub === null) return null
  if (elf.machine === EM_X86_64) {
    const at = stub.indexOf(Buffer.from([0xff, 0x25]))
    return at < 0 || at + 6 > stub.length ? null : start + at + 6 + stub.readInt32LE(at + 2)
  }
  if (elf.machine !== EM_AARCH64) return null
  for (let at = 0; at + 8 <= stub.length; at += 4) {
    const adrp = stub.readUInt32LE(at)
    const ldr = stub.readUInt32LE(at + 4)
    if ((adrp & 0x9f00001f) >>> 0 !== 0x90000010 || (ldr & 0xffc003ff) >>> 0 !== 0xf9400211)
      continue
    // 21 bits of signed page number, the lowest two apart from the rest.
    const pages = (((adrp << 8) >> 13) << 2) | ((adrp >>> 29) & 3)
    const pc = start + at
    return pc - (pc % 4096) + pages * 4096 + ((ldr >>> 10) & 0xfff) * 8
  }
  return null
}

function findRelocation(
  source: ByteSource,
  section: ElfSection,
  slot: number,
): { symbol: number; addend: number } | null {
  const total = Math.min(MAX_RELOCATIONS, Math.floor(section.sizeBytes / RELOCATION_BYTES))
  for (let done = 0; done < total; done += PIECE_RELOCATIONS) {
    const count = Math.min(PIECE_RELOCATIONS, total - done)
    const at = section.offset + done * RELOCATION_BYTES
    const bytes = readExactly(source, at, count * RELOCATION_BYTES)
    if (bytes === null) return null
    for (let o = 0; o < bytes.length; o += RELOCATION_BYTES)
      if (word(bytes, o) === slot)
        return { symbol: bytes.readUInt32LE(o + 12), addend: word(bytes, o + 16) }
  }
  return null
}

function readSymbolName(source: ByteSource, elf: Elf, index: number): string | null {
  const symbols = elf.sections.find((s) => s.type === SHT_DYNSYM)
  const strings = symbols === undefined ? undefined : elf.sections[symbols.link]
  if (symbols === undefined || strings === undefined) return null
  if ((index + 1) * SYMBOL_BYTES > symbols.sizeBytes) return null
  const entry = readExactly(source, symbols.offset + index * SYMBOL_BYTES, 4)
  if (entry === null) return null
  const end = strings.offset + strings.sizeBytes
  const name = readCString(source, strings.offset + entry.readUInt32LE(0), end, MAX_NAME_BYTES)
  return name?.toString('utf8') || null
}
