import { moduleOfFile } from '../../infra/contract/profile.ts'
import type { Spans } from './layout.ts'
import { MessageIds } from './message-ids.ts'
import type { Reader } from './reader.ts'
import type { Scratch } from './scratch.ts'
import type { StringTable } from './strings.ts'

const SLASH = 0x2f
const BRACKET = 0x5b

export type Mapping = {
  readonly memoryStart: bigint
  readonly memoryLimit: bigint
  readonly fileOffset: bigint
  /** Where the module stands: moduleOfFile of the file's name (infra/contract/profile.ts). */
  readonly moduleStart: number
  readonly moduleEnd: number
}

/** Mapping 0 is "none": its module is empty. */
export class MappingTable {
  readonly mappings: Mapping[] = [
    { memoryStart: 0n, memoryLimit: 0n, fileOffset: 0n, moduleStart: 0, moduleEnd: 0 },
  ]
  readonly #ids: MessageIds
  /** Where the module stands in the profile, by the string of the file's name. */
  readonly #modules = new Map<number, readonly [number, number]>()

  constructor(reader: Reader, spans: Spans, strings: StringTable, scratch: Scratch) {
    this.#ids = new MessageIds(spans.count, scratch, 'mapping')
    for (let i = 0; i < spans.count; i++) {
      reader.enter('mapping', i, spans.starts[i] as number, spans.ends[i] as number)
      this.#read(reader, strings)
    }
  }

  /** The index of the mapping whose id was read last; 0 for id 0. */
  find(reader: Reader): number {
    if (reader.lo === 0 && reader.hi === 0) return 0
    return this.#ids.find(reader)
  }

  #read(reader: Reader, strings: StringTable): void {
    let idLow = 0
    let idHigh = 0
    let memoryStart = 0n
    let memoryLimit = 0n
    let fileOffset = 0n
    let filename = 0
    while (reader.next()) {
      switch (reader.field) {
        case 1:
          reader.readNumber('id')
          idLow = reader.lo
          idHigh = reader.hi
          break
        case 2:
          memoryStart = readUint64(reader, 'memory_start')
          break
        case 3:
          memoryLimit = readUint64(reader, 'memory_limit')
          break
        case 4:
          fileOffset = readUint64(reader, 'file_offset')
          break
        case 5:
          filename = reader.readStringIndex('filename', strings.count)
          break
        case 6:
          reader.readStringIndex('build_id', strings.count)
          break
        case 7:
        case 8:
        case 9:
        case 10:
          reader.readNumber(`field ${reader.field}`)
          break
        default:
          reader.skip()
      }
    }
    this.#ids.add(reader, idLow, idHigh, this.mappings.length)
    const [moduleStart, moduleEnd] = this.#findModule(reader, strings, filename)
    this.mappings.push({ memoryStart, memoryLimit, fileOffset, moduleStart, moduleEnd })
  }

  // Once for each name: thousands of mappings may share one that is megabytes long.
  #findModule(reader: Reader, strings: StringTable, filename: number): readonly [number, number] {
    const known = this.#modules.get(filename)
    if (known) return known
    const end = strings.ends[filename] as number
    const start = baseName(reader.bytes, strings.starts[filename] as number, end)
    const file = Buffer.from(reader.bytes.subarray(start, end)).toString()
    // A module is a prefix of its file's base name.
    const module = [start, start + Buffer.byteLength(moduleOfFile(file))] as const
    this.#modules.set(filename, module)
    return module
  }
}

function baseName(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] === BRACKET && start < end) return start
  let at = end
  while (at > start && bytes[at - 1] !== SLASH) at--
  return at
}

function readUint64(reader: Reader, name: string): bigint {
  reader.readNumber(name)
  return (BigInt(reader.hi >>> 0) << 32n) | BigInt(reader.lo >>> 0)
}
