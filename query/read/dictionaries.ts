import { toId } from '../../infra/contract/ids.ts'
import type { Metrics } from '../../infra/runtime/metrics.ts'
import { RowBinaryReader } from '../../infra/store/row-binary.ts'
import { sql } from '../../infra/store/sql.ts'
import { Dictionary } from '../tree/dictionary.ts'
import type { Reader } from './reader.ts'

// A statement's text ends at 256 KiB by the engine's default; ids have up to 20 digits.
const IDS_PER_STATEMENT = 10_000

type Entry = { readonly dictionary: Dictionary; loading: Promise<void> }

export type Loaded = { readonly dictionary: Dictionary; readonly leaves: Int32Array }

/** Dictionaries by tenant and service, least recently used first, within a budget of bytes. */
export class Dictionaries {
  readonly #entries = new Map<string, Entry>()
  readonly #maxBytes: number

  constructor(options: { readonly maxBytes: number; readonly metrics: Metrics }) {
    this.#maxBytes = options.maxBytes
    const entries = this.#entries
    const size = options.metrics.gauge(
      'flamewatch_query_cache_bytes',
      'Memory of the stacks and names kept between questions',
    )
    Object.assign(size, {
      collect() {
        size.set(sumBytes(entries))
      },
    })
  }

  get bytes(): number {
    return sumBytes(this.#entries)
  }

  /**
   * The dictionary of a service, with all of `stackIds` (two words each) the store has, and the node
   * of each stack's leaf, -1 where the store lacks it. Loads of one service wait for each other, so
   * that two questions do not load the same stacks.
   */
  async load(reader: Reader, service: string, stackIds: Uint32Array): Promise<Loaded> {
    const key = JSON.stringify([reader.tenant, service])
    const entry = this.#entries.get(key) ?? {
      dictionary: new Dictionary(),
      loading: Promise.resolve(),
    }
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    const { dictionary } = entry
    const load = entry.loading.then(() => loadMissing(reader, service, dictionary, stackIds))
    // The next question must not fail because this one was cancelled.
    entry.loading = load.then(
      () => {},
      () => {},
    )
    const leaves = await load
    this.#evict()
    return { dictionary, leaves }
  }

  // Whole services, oldest first, the last one too if it is over the budget alone: whoever asks
  // keeps what it holds.
  #evict(): void {
    let bytes = this.bytes
    for (const [key, { dictionary }] of this.#entries) {
      if (bytes <= this.#maxBytes) return
      this.#entries.delete(key)
      bytes -= dictionary.bytes
    }
  }
}

function sumBytes(entries: ReadonlyMap<string, Entry>): number {
  let sum = 0
  for (const { dictionary } of entries.values()) sum += dictionary.bytes
  return sum
}

async function loadMissing(
  reader: Reader,
  service: string,
  dictionary: Dictionary,
  stackIds: Uint32Array,
): Promise<Int32Array> {
  const leaves = findLeaves(dictionary, stackIds)
  const missing: bigint[] = []
  for (let i = 0; i < leaves.length; i++) {
    if (leaves[i] === -1)
      missing.push(toId(stackIds[i * 2] as number, stackIds[i * 2 + 1] as number))
  }
  for (const ids of chunks(missing)) await loadStacks(reader, service, dictionary, ids)
  const nameless = [...dictionary.nameless].map((number) =>
    toId(dictionary.ids[number * 2] as number, dictionary.ids[number * 2 + 1] as number),
  )
  for (const ids of chunks(nameless)) await loadFunctions(reader, dictionary, ids)
  return missing.length === 0 ? leaves : findLeaves(dictionary, stackIds)
}

function findLeaves(dictionary: Dictionary, stackIds: Uint32Array): Int32Array {
  const leaves = new Int32Array(stackIds.length / 2)
  for (let i = 0; i < leaves.length; i++)
    leaves[i] = dictionary.leafOf(stackIds[i * 2] as number, stackIds[i * 2 + 1] as number)
  return leaves
}

async function loadStacks(
  reader: Reader,
  service: string,
  dictionary: Dictionary,
  ids: readonly bigint[],
): Promise<void> {
  const bytes = await reader.binary(sql`SELECT stack_id, frames FROM stacks
    WHERE tenant = ${reader.tenant} AND service = ${service} AND stack_id IN ${ids}`)
  const rows = new RowBinaryReader(bytes)
  const id = new Uint32Array(2)
  while (rows.more) {
    rows.u64Into(id, 0)
    dictionary.addStack(id[0] as number, id[1] as number, rows.words64())
  }
}

async function loadFunctions(
  reader: Reader,
  dictionary: Dictionary,
  ids: readonly bigint[],
): Promise<void> {
  const bytes = await reader.binary(sql`SELECT function_id, name, file, module FROM functions
    WHERE tenant = ${reader.tenant} AND function_id IN ${ids}`)
  const rows = new RowBinaryReader(bytes)
  const id = new Uint32Array(2)
  while (rows.more) {
    rows.u64Into(id, 0)
    const name = rows.string()
    const file = rows.string()
    dictionary.nameFunction(id[0] as number, id[1] as number, name, file, rows.string())
  }
}

// Ascending, so that each statement reads its own stretch of the table, which is ordered by id.
function* chunks(ids: readonly bigint[]): Generator<readonly bigint[]> {
  const sorted = BigUint64Array.from(ids).sort()
  for (let i = 0; i < sorted.length; i += IDS_PER_STATEMENT)
    yield [...sorted.subarray(i, i + IDS_PER_STATEMENT)]
}
