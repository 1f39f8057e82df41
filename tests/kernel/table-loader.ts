import { readFileSync } from 'node:fs'
import {
  MAPPING,
  MOST_MAPPINGS,
  PROCESS,
  type ProgramRun,
  TABLE_FRAME_POINTERS,
  TABLE_UNKNOWN,
  type UnwindTables,
} from '../../collector/kernel/unwind-layout.ts'
import { type Mapping, readMappings } from '../../collector/process/mappings.ts'
import { MemorySource } from '../../collector/symbolize/byte-source.ts'
import { type Elf, readElf, vaddrOf } from '../../collector/symbolize/elf.ts'
import { readVdso } from '../../collector/symbolize/vdso.ts'
import { baseOf, buildTable } from '../../collector/unwind/build-table.ts'

type LoadedFile = {
  readonly elf: Elf
  readonly id: number
  readonly rows: number
  readonly page0: number
  readonly pages: number
}

/** Gives processes their unwind tables, each file once, without any bound. */
export class TableLoader {
  readonly #tables: UnwindTables
  readonly #files = new Map<string, Promise<LoadedFile | null>>()
  #lastId = 0

  constructor(tables: UnwindTables) {
    this.#tables = tables
  }

  async load(run: ProgramRun): Promise<void> {
    const mappings = readMappings(run.tgid)?.list.slice(0, MOST_MAPPINGS) ?? []
    const entry = new DataView(new ArrayBuffer(PROCESS.bytes))
    entry.setUint32(PROCESS.mappingsUsed, mappings.length, true)
    for (const [i, mapping] of mappings.entries()) {
      const at = PROCESS.mappings + i * MAPPING.bytes
      const file = mapping.kind === 'anonymous' ? null : await this.#fileOf(mapping)
      const none = mapping.kind === 'anonymous' ? TABLE_FRAME_POINTERS : TABLE_UNKNOWN
      entry.setBigUint64(at + MAPPING.start, BigInt(mapping.start), true)
      entry.setBigUint64(at + MAPPING.end, BigInt(mapping.end), true)
      entry.setUint32(at + MAPPING.table, file?.id ?? none, true)
      if (!file) continue
      const vaddr = vaddrOf(file.elf, mapping.offset) ?? 0
      const bias = BigInt(mapping.start - vaddr + baseOf(file.elf))
      entry.setBigUint64(at + MAPPING.bias, bias, true)
      entry.setUint32(at + MAPPING.rows, file.rows, true)
      entry.setUint32(at + MAPPING.page0, file.page0, true)
      entry.setUint32(at + MAPPING.pages, file.pages, true)
    }
    this.#tables.setProcess(run, new Uint8Array(entry.buffer))
  }

  #fileOf(mapping: Mapping): Promise<LoadedFile | null> {
    const key = mapping.kind === 'vdso' ? 'vdso' : `${mapping.device}:${mapping.inode}`
    let file = this.#files.get(key)
    if (!file) {
      file = this.#load(mapping)
      this.#files.set(key, file)
    }
    return file
  }

  async #load(mapping: Mapping): Promise<LoadedFile | null> {
    const bytes = mapping.kind === 'vdso' ? readVdso() : readFileSync(mapping.path)
    if (!bytes) return null
    const source = new MemorySource(bytes)
    const elf = readElf(source)
    if (elf.kind === 'fault') return null
    const table = await buildTable(source, elf, { maxBytes: 64 << 20, pause: () => undefined })
    if (table.kind === 'fault') return null
    const id = ++this.#lastId
    await this.#tables.setTable(id, table.words.length / 2, (words) => words.set(table.words))
    return { elf, id, rows: table.rows, page0: table.page0, pages: table.pages }
  }
}
