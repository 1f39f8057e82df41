import type { ProfileLimits } from '../limits.ts'
import { type FunctionInterner, type Slice, sliceOf } from './function-interner.ts'
import type { FunctionTable } from './functions.ts'
import { IdTable } from './id-table.ts'
import type { Spans } from './layout.ts'
import type { MappingTable } from './mappings.ts'
import { MessageIds } from './message-ids.ts'
import type { Reader } from './reader.ts'
import type { Scratch } from './scratch.ts'
import type { StringTable } from './strings.ts'

const NOTHING = sliceOf(new Uint8Array(0))

type Tables = {
  readonly strings: StringTable
  readonly mappings: MappingTable
  readonly functions: FunctionTable
  readonly interner: FunctionInterner
  readonly scratch: Scratch
}

/**
 * The locations, each as the frames it stands for: the lines of inlined functions leaf first, as
 * in pprof, one frame where there is no line.
 */
export class LocationTable {
  /** Frames of location i end here. */
  readonly ends: Uint32Array
  /** Indices of interned functions. */
  frames: Uint32Array
  #frameCount = 0
  readonly ids: MessageIds
  readonly #reader: Reader
  readonly #tables: Tables
  readonly #limits: ProfileLimits
  /**
   * Of each function the mapping it was met in first, index + 1, and what it was interned as there:
   * nearly every line.
   */
  readonly #firstMapping: Uint32Array
  readonly #firstInterned: Uint32Array
  /** The rest, by (function, mapping). */
  readonly #interned: IdTable
  // Reused: an object a line would be garbage by the thousands.
  readonly #name: { view: DataView; start: number; end: number }
  readonly #file: { view: DataView; start: number; end: number }
  readonly #module: { view: DataView; start: number; end: number }

  constructor(reader: Reader, spans: Spans, tables: Tables, limits: ProfileLimits) {
    this.#reader = reader
    this.#tables = tables
    this.#limits = limits
    const { functions, scratch } = tables
    this.ends = scratch.words('location ends', spans.count)
    this.frames = scratch.words('location frames', spans.count)
    this.ids = new MessageIds(spans.count, scratch, 'location')
    this.#firstMapping = scratch.zeros('first mapping', functions.count)
    this.#firstInterned = scratch.words('first interned', functions.count)
    this.#interned = new IdTable(0, scratch, 'interned')
    const { view } = reader
    this.#name = { view, start: 0, end: 0 }
    this.#file = { view, start: 0, end: 0 }
    this.#module = { view, start: 0, end: 0 }
    for (let i = 0; i < spans.count; i++) {
      reader.enter('location', i, spans.starts[i] as number, spans.ends[i] as number)
      this.#read(i)
      this.ends[i] = this.#frameCount
    }
  }

  #read(index: number): void {
    const reader = this.#reader
    const { mappings } = this.#tables
    const first = this.#frameCount
    let idLow = 0
    let idHigh = 0
    let mapping = 0
    let addressLow = 0
    let addressHigh = 0
    while (reader.next()) {
      switch (reader.field) {
        case 1:
          reader.readNumber('id')
          idLow = reader.lo
          idHigh = reader.hi
          break
        case 2:
          reader.readNumber('mapping_id')
          mapping = mappings.find(reader)
          if (mapping < 0) reader.fail(`mapping ${reader.shown()} is not in the profile`)
          break
        case 3:
          reader.readNumber('address')
          addressLow = reader.lo
          addressHigh = reader.hi
          break
        case 4:
          this.#addFrame(this.#readLine())
          break
        case 5:
          reader.readNumber('is_folded')
          break
        default:
          reader.skip()
      }
    }
    this.ids.add(reader, idLow, idHigh, index)
    const address = { low: addressLow, high: addressHigh }
    if (this.#frameCount === first) this.#addFrame(this.#internAddress(mapping, address))
    // Lines may come before the mapping id, so only now it is known which module they are in.
    else
      for (let at = first; at < this.#frameCount; at++)
        this.frames[at] = this.#internFunction(this.frames[at] as number, mapping, address)
  }

  /** Reads a Line message; answers the index of its function. */
  #readLine(): number {
    const reader = this.#reader
    const { end } = reader
    let found = -1
    reader.end = reader.readBytesEnd('line')
    while (reader.next()) {
      if (reader.field === 1) {
        reader.readNumber('function_id')
        found = this.#tables.functions.ids.find(reader)
        if (found < 0) reader.fail(`function ${reader.shown()} is not in the profile`)
      } else if (reader.field === 2 || reader.field === 3) reader.readNumber('line')
      else reader.skip()
    }
    if (found < 0) reader.fail('a line has no function')
    reader.end = end
    return found
  }

  #addFrame(frame: number): void {
    if (this.#frameCount === this.frames.length)
      this.frames = this.#tables.scratch.grow('location frames', this.frames)
    if (this.#frameCount >= this.#limits.lines)
      this.#reader.failLimit(`more than ${this.#limits.lines} lines in its locations`)
    this.frames[this.#frameCount++] = frame
  }

  #internFunction(index: number, mapping: number, address: Address): number {
    const first = (this.#firstMapping[index] as number) - 1
    if (first === mapping) return this.#firstInterned[index] as number
    if (first >= 0) {
      const known = this.#interned.find(index, mapping)
      if (known >= 0) return known
    }
    const { functions, strings, interner } = this.#tables
    const name = functions.names[index] as number
    if (name === 0) return this.#internAddress(mapping, address)
    this.#name.start = strings.starts[name] as number
    this.#name.end = strings.ends[name] as number
    const file = functions.files[index] as number
    this.#file.start = strings.starts[file] as number
    this.#file.end = strings.ends[file] as number
    const interned = interner.intern(this.#name, this.#file, this.#moduleOf(mapping))
    if (first >= 0) this.#interned.add(index, mapping, interned)
    else {
      this.#firstMapping[index] = mapping + 1
      this.#firstInterned[index] = interned
    }
    return interned
  }

  /**
   * A frame nobody has a name for: `module+0x1f3c`, the address within the file where the mapping
   * tells, so that it is the same in every process; `0x7f3c…` where there is no module.
   */
  #internAddress(mapping: number, { low, high }: Address): number {
    const { mappings } = this.#tables.mappings
    const { memoryStart, memoryLimit, fileOffset, moduleStart, moduleEnd } = mappings[
      mapping
    ] as (typeof mappings)[number]
    let address = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
    if (address >= memoryStart && address < memoryLimit) address += fileOffset - memoryStart
    const module = Buffer.from(this.#reader.bytes.subarray(moduleStart, moduleEnd))
    const offset = Buffer.from(`${module.length === 0 ? '' : '+'}0x${address.toString(16)}`)
    const name = sliceOf(Buffer.concat([module, offset]))
    return this.#tables.interner.intern(name, NOTHING, this.#moduleOf(mapping))
  }

  #moduleOf(mapping: number): Slice {
    const { moduleStart, moduleEnd } = this.#tables.mappings.mappings[mapping] as {
      moduleStart: number
      moduleEnd: number
    }
    this.#module.start = moduleStart
    this.#module.end = moduleEnd
    return this.#module
  }
}

type Address = { readonly low: number; readonly high: number }
