import { type ByteSource, readCString, readExactly } from '../byte-source.ts'
import type { Elf } from '../elf.ts'
import { offsetOf } from '../elf.ts'
import type { SourceLine } from '../frame.ts'
import { cleanName, cleanSystemName, shortenName } from '../readable-name.ts'
import { FunctionIndex, type GoFunction } from './function-index.ts'
import { type FunctionTable, findFunctionTable } from './function-table.ts'
import { FUNCTION } from './layout.ts'
import { findModule, type GoModule } from './module.ts'
import { NO_VALUE, readValue } from './value-table.ts'

// Go writes names, files, lines and what was inlined into every program, for its own stack traces;
// stripping leaves them. What is kept of it is a part of the index and the texts that were asked for;
// the rest is read from the file, some ten small pieces for an address.

// Compilers inline some ten calls into one another.
const MAX_INLINED = 100
const MAX_TEXT_BYTES = 4 << 10
const MAX_FILE = 1000
// A string, a number and their place in a map, beside the characters.
const TEXT_BYTES = 100
// Where the go command keeps modules and toolchains their paths have a version, which must not make
// another function of the same one.
const MODULE_VERSION = /@v\d[^/]*(?=\/)/
// Left out as Go's own profiles do: what a generic function was compiled for are shapes of types, not
// the types it was called with.
const TYPE_ARGUMENTS = /\[.*\]/s

/** The functions of a Go program or library. */
export class GoFunctions {
  readonly #table: FunctionTable
  readonly #module: GoModule
  readonly #index: FunctionIndex
  /** Position in the file that inline trees are counted from. */
  readonly #inlineTrees: number | null
  readonly #texts = new Map<number, string>()
  #textsBytes = 0

  constructor(parts: { table: FunctionTable; module: GoModule; index: FunctionIndex; elf: Elf }) {
    const { table, module, index, elf } = parts
    this.#table = table
    this.#module = module
    this.#index = index
    this.#inlineTrees = module.inlineTrees === null ? null : offsetOf(elf, module.inlineTrees)
  }

  /** What it keeps in memory, roughly. */
  get bytes(): number {
    return 500 + this.#index.bytes + this.#textsBytes
  }

  /** Whether `vaddr` is in code that Go's compiler and assembler made, not in C's beside it. */
  covers(vaddr: number): boolean {
    return vaddr >= this.#module.text && vaddr < this.#module.textEnd
  }

  /**
   * The functions at `vaddr`, innermost first: those inlined there, at last the one whose code it is.
   * Empty where there is none.
   */
  find(vaddr: number, source: ByteSource): SourceLine[] {
    const fn = this.#index.find(vaddr - this.#module.text, source)
    if (fn === null) return []
    const chain: SourceLine[] = []
    const { inlinedCall, startLine } = this.#table.layout
    let distance = vaddr - this.#module.text - fn.start
    while (chain.length < MAX_INLINED) {
      const call = this.#readInlinedCall(fn, distance, source)
      if (call === null) break
      const startsAt = startLine === null ? 0 : call.readInt32LE(startLine.inInlinedCall)
      chain.push(this.#place(fn, call.readUInt32LE(inlinedCall.name), startsAt, distance, source))
      distance = call.readInt32LE(inlinedCall.parentPc)
    }
    const startsAt = startLine === null ? 0 : fn.header.readInt32LE(startLine.inFunction)
    const name = fn.header.readUInt32LE(FUNCTION.name)
    chain.push(this.#place(fn, name, startsAt, distance, source))
    return chain
  }

  #place(
    fn: GoFunction,
    nameOffset: number,
    startLine: number,
    distance: number,
    source: ByteSource,
  ): SourceLine {
    const { names, units } = this.#table
    const systemName = this.#text(names + nameOffset, units, source, cleanSystemName)
    const line = this.#value(fn, FUNCTION.pcLine, distance, source)
    const file = line === NO_VALUE ? '' : this.#readFile(fn, distance, source)
    return {
      name: shortenName(systemName.replace(TYPE_ARGUMENTS, '[...]')) || '[unnamed]',
      systemName,
      file,
      line: file === '' ? 0 : Math.max(0, line),
      startLine: Math.max(0, startLine),
    }
  }

  #readFile(fn: GoFunction, distance: number, source: ByteSource): string {
    const { units, files, values } = this.#table
    const number = this.#value(fn, FUNCTION.pcFile, distance, source)
    if (number < 0) return ''
    const at = units + 4 * (fn.header.readUInt32LE(FUNCTION.unit) + number)
    const offset = at + 4 > files ? null : readExactly(source, at, 4)?.readUInt32LE(0)
    if (offset === undefined || offset === null || offset === 0xffff_ffff) return ''
    return this.#text(files + offset, values, source, cleanFile)
  }

  /** Null where the code is the function's own. */
  #readInlinedCall(fn: GoFunction, distance: number, source: ByteSource): Buffer | null {
    if (this.#inlineTrees === null || fn.inlineTree === null) return null
    if (fn.inlineIndex === 0 || distance < 0) return null
    const number = this.#valueAt(fn.inlineIndex, distance, source)
    if (number < 0) return null
    const { bytes } = this.#table.layout.inlinedCall
    return readExactly(source, this.#inlineTrees + fn.inlineTree + number * bytes, bytes)
  }

  #value(fn: GoFunction, field: number, distance: number, source: ByteSource): number {
    return this.#valueAt(fn.header.readUInt32LE(field), distance, source)
  }

  #valueAt(offset: number, distance: number, source: ByteSource): number {
    const { values, index, quantum } = this.#table
    if (offset === 0 || distance < 0) return NO_VALUE
    return readValue(source, values + offset, index, distance / quantum)
  }

  #text(
    position: number,
    end: number,
    source: ByteSource,
    clean: (text: string) => string,
  ): string {
    const known = this.#texts.get(position)
    if (known !== undefined) return known
    const bytes = readCString(source, position, end, MAX_TEXT_BYTES)
    if (bytes === null) return ''
    const text = clean(bytes.toString('utf8'))
    this.#texts.set(position, text)
    this.#textsBytes += TEXT_BYTES + text.length
    return text
  }
}

function cleanFile(text: string): string {
  return cleanName(text.replace(MODULE_VERSION, ''), MAX_FILE)
}

/** Null when the file was not made by Go, by one before 1.18, or by one that is not known yet. */
export function loadGoFunctions(source: ByteSource, elf: Elf): GoFunctions | null {
  const table = findFunctionTable(source, elf)
  const module = table && findModule(source, elf, table)
  if (table === null || module === null) return null
  const index = FunctionIndex.load(source, table)
  return index && new GoFunctions({ table, module, index, elf })
}
