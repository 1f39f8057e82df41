import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { type Sql, sqlText } from '../../infra/store/sql.ts'
import type { NativeBlock, Store } from '../../infra/store/store.ts'

export type Row = Readonly<Record<string, unknown>>

/** A store for unit tests: rows in memory, tokens as the real one keeps them, failures on demand. */
export class MemoryStore implements Store {
  readonly kind = 'embedded'
  readonly tables = new Map<string, Row[]>()
  /** Inserts that reached the store, also those a token dropped: table and token. */
  readonly inserts: { table: string; token: string | null; block: NativeBlock }[] = []
  /** Called before an insert is stored; what it throws is what the store throws. */
  beforeInsert: (table: string) => void = () => {}
  /** Called before each part of an insert is stored: one per partition of the table. */
  beforePart: (table: string) => void = () => {}
  /** Called after an insert is stored: throwing here is an answer that got lost. */
  afterInsert: (table: string) => void = () => {}
  readonly #tokens = new Set<string>()

  table(name: string): Row[] {
    return this.tables.get(name) ?? []
  }

  async insert(table: string, block: NativeBlock, token: string | null): Promise<void> {
    this.beforeInsert(table)
    this.inserts.push({ table, token, block })
    if (token !== null && !/^[A-Za-z0-9._/-]+$/.test(token)) throw new Error(`token ${token}`)
    const rows = this.tables.get(table) ?? []
    this.tables.set(table, rows)
    // Atomic and deduplicated per partition, as the real one is; its partitions are day and retention.
    for (const [partition, part] of Map.groupBy(decodeBlock(block), partitionOf)) {
      this.beforePart(table)
      const key = `${table} ${partition} ${token}`
      if (token !== null && this.#tokens.has(key)) continue
      if (token !== null) this.#tokens.add(key)
      rows.push(...part)
    }
    this.afterInsert(table)
  }

  /** Answers the ledger's three questions. */
  async rows<T>(statement: Sql): Promise<T[]> {
    const text = sqlText(statement)
    const tuples = [...text.matchAll(/\('([^']+)', (\d+), (\d+)\)/g)]
    if (tuples.length > 0) return this.#inLedger(tuples) as T[]
    const value = (name: string) =>
      new RegExp(`(?<![a-z])${name} = '?([^' \\n]+)'?`).exec(text)?.[1] ?? ''
    const found = this.table('batches').filter(
      (row) =>
        row['tenant'] === value('tenant') &&
        row['collector'] === value('collector') &&
        row['epoch'] === BigInt(value('epoch')) &&
        (value('sequence') === '' || row['sequence'] === BigInt(value('sequence'))),
    )
    const sequences = found.map((row) => String(row['sequence']))
    if (!text.includes('max(sequence)')) return sequences.map((sequence) => ({ sequence })) as T[]
    const highest = Math.max(0, ...sequences.map(Number))
    return [{ highest: String(highest) }] as T[]
  }

  #inLedger(tuples: readonly RegExpExecArray[]): Record<string, string>[] {
    const asked = new Set(tuples.map(([, ...key]) => key.join()))
    return this.table('batches')
      .map(({ tenant, collector, epoch, sequence }) => ({
        tenant: String(tenant),
        collector: String(collector),
        epoch: String(epoch),
        sequence: String(sequence),
      }))
      .filter(({ collector, epoch, sequence }) => asked.has([collector, epoch, sequence].join()))
  }

  binary(): Promise<Buffer> {
    throw new Error('the ingest room reads no large answers')
  }

  async run(): Promise<void> {}
  async ping(): Promise<void> {}
  async close(): Promise<void> {}
}

function partitionOf({ time, raw_days }: Row): string {
  return `${Math.floor(Number(time ?? 0) / 86_400)} ${raw_days}`
}

export function storeDown(): FlamewatchError {
  return new FlamewatchError('store_error', 'disk full', { retriable: false })
}

/** The rows of a Native block as objects: 64-bit integers as bigint, maps as objects. */
function decodeBlock({ columns, rows }: NativeBlock): Row[] {
  const values = columns.map(({ name, type, data }) => {
    const cursor = { data: Buffer.from(data.buffer, data.byteOffset, data.length), at: 0 }
    const column = readColumn(type, rows, cursor)
    if (cursor.at !== data.length) throw new Error(`column ${name} has bytes left`)
    return [name, column] as const
  })
  return Array.from({ length: rows }, (_, i) =>
    Object.fromEntries(values.map(([name, column]) => [name, column[i]])),
  )
}

type Cursor = { readonly data: Buffer; at: number }

function readColumn(type: string, rows: number, cursor: Cursor): unknown[] {
  const array = /^Array\((.*)\)$/.exec(type)
  if (array) {
    const ends = readColumn('UInt64', rows, cursor).map(Number)
    const flat = readColumn(array[1] as string, ends.at(-1) ?? 0, cursor)
    return ends.map((end, i) => flat.slice(i === 0 ? 0 : ends[i - 1], end))
  }
  const map = /^Map\((\w+), (\w+)\)$/.exec(type)
  if (map) {
    const ends = readColumn('UInt64', rows, cursor).map(Number)
    const keys = readColumn(map[1] as string, ends.at(-1) ?? 0, cursor) as string[]
    const values = readColumn(map[2] as string, ends.at(-1) ?? 0, cursor)
    return ends.map((end, i) => {
      const start = i === 0 ? 0 : (ends[i - 1] as number)
      return Object.fromEntries(keys.slice(start, end).map((key, k) => [key, values[start + k]]))
    })
  }
  return Array.from({ length: rows }, () => readValue(type, cursor))
}

function readValue(type: string, cursor: Cursor): unknown {
  const { data, at } = cursor
  switch (type) {
    case 'String': {
      let size = 0
      let shift = 0
      let byte: number
      do {
        byte = data[cursor.at++] as number
        size += (byte & 0x7f) * 2 ** shift
        shift += 7
      } while (byte >= 0x80)
      cursor.at += size
      return data.toString('utf8', cursor.at - size, cursor.at)
    }
    case 'UInt64':
      cursor.at += 8
      return data.readBigUInt64LE(at)
    case 'Int64':
      cursor.at += 8
      return data.readBigInt64LE(at)
    case 'DateTime64(3)':
      cursor.at += 8
      return Number(data.readBigInt64LE(at))
    case 'UInt32':
    case 'DateTime':
      cursor.at += 4
      return data.readUInt32LE(at)
    case 'UInt16':
    case 'Date':
      cursor.at += 2
      return data.readUInt16LE(at)
    default:
      throw new Error(`type ${type} is not known here`)
  }
}
