import fs from 'node:fs'
import { BufferedSource, type ByteSource } from './byte-source.ts'
import {
  type DebugFile,
  findDebugFile,
  hasDebugInfo,
  hasSymbols,
  reopenDebugFile,
} from './debug-file.ts'
import { demangle } from './demangle.ts'
import { type FdeIndex, findFde, readFdeIndex } from './eh-frame.ts'
import { type Elf, hashContent } from './elf.ts'
import type { SourceLine } from './frame.ts'
import { type GoFunctions, loadGoFunctions } from './go/go-functions.ts'
import { loadSymbols, type SymbolFile } from './load-symbols.ts'
import { readMiniDebugInfo } from './mini-debug-info.ts'
import { readPltTarget } from './plt.ts'
import { cleanSystemName, shortenName } from './readable-name.ts'
import type { OpenStrings, SymbolTable } from './symbol-table.ts'
import { findThreadStarts, type ThreadStarts } from './thread-start.ts'

export type FunctionName =
  | { readonly kind: 'name'; readonly name: string; readonly systemName: string }
  /** Go's own tables know what is inlined, too. Innermost first, the function itself last. */
  | { readonly kind: 'go'; readonly chain: readonly SourceLine[] }
  /** No name is known; as far as can be told the function begins at `vaddr`. */
  | { readonly kind: 'start'; readonly vaddr: number }

/** Gives the image's file again while a name is read; null when it is gone. */
export type OpenImage = () => ByteSource | null

/** The code in one ELF file, whatever its paths and processes. */
export class Image {
  readonly elf: Elf
  readonly #go: GoFunctions | null
  readonly #symbols: SymbolTable | null
  readonly #debug: DebugFile | null
  readonly #index: FdeIndex | null
  readonly #threadStarts: ThreadStarts
  readonly #names = new Map<number, FunctionName>()
  #namesBytes = 0

  constructor(parts: {
    elf: Elf
    go: GoFunctions | null
    symbols: SymbolTable | null
    debug: DebugFile | null
    index: FdeIndex | null
    threadStarts: ThreadStarts
  }) {
    this.elf = parts.elf
    this.#go = parts.go
    this.#symbols = parts.symbols
    this.#debug = parts.debug
    this.#index = parts.index
    this.#threadStarts = parts.threadStarts
  }

  /** What it keeps in memory, roughly. */
  get bytes(): number {
    const tables = (this.#symbols?.bytes ?? 0) + (this.#go?.bytes ?? 0)
    return 1000 + 150 * this.elf.sections.length + tables + this.#namesBytes
  }

  get symbolCount(): number {
    return this.#symbols?.rows ?? 0
  }

  nameAt(vaddr: number, open: OpenImage): FunctionName {
    // Where Go's tables reach they are right; its symbols have no names for what is inlined.
    if (this.#go?.covers(vaddr)) {
      const source = open()
      const chain = source === null ? [] : this.#go.find(vaddr, source)
      if (chain.length > 0) return { kind: 'go', chain }
    }
    const symbol = this.#symbols?.find(vaddr) ?? null
    if (symbol !== null)
      return this.#nameOf(symbol.row, open) ?? { kind: 'start', vaddr: symbol.start }
    const source = open()
    if (source === null) return { kind: 'start', vaddr }
    const stub = readPltTarget(source, this.elf, vaddr)
    if (stub !== null) {
      const target =
        stub.kind === 'symbol' ? nameFrom(stub.systemName) : this.nameAt(stub.vaddr, open)
      if (target.kind === 'name') return { ...target, name: `${target.name}@plt` }
    }
    const fde = this.#index === null ? null : findFde(source, this.elf, this.#index, vaddr)
    return { kind: 'start', vaddr: fde?.start ?? vaddr }
  }

  /** Where debug information is: in the image's own file, in its separate one, or nowhere. */
  get debugInfo(): 'image' | 'debug' | null {
    if (hasDebugInfo(this.elf)) return 'image'
    return this.#debug !== null && hasDebugInfo(this.#debug.elf) ? 'debug' : null
  }

  /** The separate debug file, which the caller closes; null when it has changed or gone. */
  openDebugFile(): number | null {
    return this.#debug === null ? null : (reopenDebugFile(this.#debug)?.fd ?? null)
  }

  isThreadStart(vaddr: number, name: FunctionName, isLeaf: boolean): boolean {
    return this.#threadStarts.has(vaddr, systemNameOf(name), isLeaf)
  }

  #nameOf(row: number, open: OpenImage): FunctionName | null {
    const known = this.#names.get(row)
    if (known !== undefined) return known
    const systemName = this.#readName(row, open)
    if (systemName === null) return null
    const name = nameFrom(systemName)
    this.#names.set(row, name)
    // Strings of one byte a character, an object and a place in the map.
    this.#namesBytes += 150 + name.name.length + name.systemName.length
    return name
  }

  #readName(row: number, open: OpenImage): string | null {
    let debug: { fd: number; source: ByteSource } | null = null
    try {
      return (
        this.#symbols?.readName(row, (from) => {
          if (from === 'image') return open()
          if (from === 'memory') return null
          debug ??= this.#debug === null ? null : reopenDebugFile(this.#debug)
          return debug?.source ?? null
        }) ?? null
      )
    } finally {
      closeDebug(debug)
    }
  }
}

function systemNameOf(name: FunctionName): string {
  if (name.kind === 'go') return name.chain.at(-1)?.systemName ?? ''
  return name.kind === 'name' ? name.systemName : ''
}

function closeDebug(debug: { fd: number } | null): void {
  if (debug !== null) fs.closeSync(debug.fd)
}

function nameFrom(systemName: string): FunctionName & { kind: 'name' } {
  return {
    kind: 'name',
    name: shortenName(demangle(systemName)),
    systemName: cleanSystemName(systemName),
  }
}

/** `roots` are where its debug file is looked for, `path` where the process sees the file. */
export function loadImage(
  file: ByteSource,
  elf: Elf,
  path: string,
  roots: readonly string[],
): Image {
  const source = new BufferedSource(file)
  const index = readFdeIndex(source, elf)
  const debug = findDebugFile({ source, elf, path }, roots)
  const opened = debug === null ? null : reopenDebugFile(debug)
  try {
    const stripped = (): SymbolFile | null =>
      debug === null || opened === null
        ? readMiniDebugInfo(source, elf)
        : { elf: debug.elf, source: opened.source, from: 'debug' }
    const symbols = loadSymbols({ elf, source, from: 'image' }, hasSymbols(elf) ? null : stripped())
    const open: OpenStrings = (from) => (from === 'image' ? source : (opened?.source ?? null))
    const threadStarts = findThreadStarts({
      source,
      elf,
      index,
      baseName: path.slice(path.lastIndexOf('/') + 1),
      findSymbols: (names) => symbols?.findByName(names, open) ?? [],
    })
    return new Image({ elf, go: loadGoFunctions(source, elf), symbols, debug, index, threadStarts })
  } finally {
    closeDebug(opened)
  }
}

/**
 * Names the content of a file, so that containers share what is known about it. A stripped file has
 * the build id of its unstripped one, hence the size.
 */
export function contentKey(source: ByteSource, elf: Elf): string {
  return elf.buildId === '' ? hashContent(source) : `${elf.buildId}:${source.sizeBytes}`
}
