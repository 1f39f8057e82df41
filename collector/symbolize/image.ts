import type { ByteSource } from './byte-source.ts'
import { demangle } from './demangle.ts'
import { type FdeIndex, findFde, readFdeIndex } from './eh-frame.ts'
import { type Elf, hashContent, readElf } from './elf.ts'
import { findPltSymbol } from './plt.ts'
import { shortenName } from './readable-name.ts'
import { loadSymbols, type SymbolTable } from './symbol-table.ts'
import { type CodeRange, findThreadStarts, isThreadStartName } from './thread-start.ts'

/** What is known about the content of one ELF file, shared by every path and process that has it. */
export class Image {
  readonly elf: Elf
  readonly #symbols: SymbolTable | null
  readonly #index: FdeIndex | null
  readonly #threadStarts: readonly CodeRange[]
  readonly #names = new Map<number, FunctionName>()
  #namesBytes = 0

  constructor(parts: {
    elf: Elf
    symbols: SymbolTable | null
    index: FdeIndex | null
    threadStarts: readonly CodeRange[]
  }) {
    this.elf = parts.elf
    this.#symbols = parts.symbols
    this.#index = parts.index
    this.#threadStarts = parts.threadStarts
  }

  get bytes(): number {
    return (this.#symbols?.bytes ?? 0) + this.#namesBytes + 2000
  }

  /** The function at `vaddr`; `open` gives the file again, null when it is gone. */
  nameAt(vaddr: number, open: () => ByteSource | null): FunctionName {
    const found = this.#symbols?.find(vaddr) ?? null
    if (found !== null) {
      const known = this.#names.get(found.row)
      if (known !== undefined) return known
      const systemName = this.#symbols?.readName(found.row, open) ?? null
      if (systemName !== null) return this.#keep(found.row, nameOf(systemName))
      return { kind: 'start', vaddr: found.start }
    }
    const source = open()
    if (source === null) return { kind: 'start', vaddr }
    const stub = findPltSymbol(source, this.elf, vaddr)
    if (stub !== null) return { kind: 'start', vaddr }
    const fde = this.#index === null ? null : findFde(source, this.elf, this.#index, vaddr)
    return { kind: 'start', vaddr: fde?.start ?? vaddr }
  }

  isThreadStart(vaddr: number, name: FunctionName): boolean {
    if (name.kind === 'name' && isThreadStartName(name.systemName)) return true
    return this.#threadStarts.some(({ start, end }) => vaddr >= start && vaddr < end)
  }

  #keep(row: number, name: FunctionName): FunctionName {
    this.#names.set(row, name)
    if (name.kind === 'name')
      this.#namesBytes += 100 + 2 * (name.name.length + name.systemName.length)
    return name
  }
}

export type FunctionName =
  | { readonly kind: 'name'; readonly name: string; readonly systemName: string }
  /** No name is known; the function begins at `vaddr` as far as can be told. */
  | { readonly kind: 'start'; readonly vaddr: number }

function nameOf(systemName: string): FunctionName {
  return {
    kind: 'name',
    name: shortenName(demangle(systemName)),
    systemName: shortenName(systemName),
  }
}

export type LoadedImage =
  | { readonly kind: 'image'; readonly image: Image }
  | { readonly kind: 'fault'; readonly reason: string }

export function loadImage(source: ByteSource, elf: Elf, baseName: string): Image {
  const index = readFdeIndex(source, elf)
  return new Image({
    elf,
    symbols: loadSymbols({ elf, source }, null),
    index,
    threadStarts: findThreadStarts(source, elf, index, baseName),
  })
}

/** Names the content of a file: its build id, else a hash. */
export function contentKey(source: ByteSource, elf: Elf): string {
  return elf.buildId === '' ? hashContent(source) : `${elf.buildId}:${source.sizeBytes}`
}

export { readElf }
