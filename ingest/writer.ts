import { errorMessage, FlamewatchError } from '../infra/runtime/errors.ts'
import type { Store } from '../infra/store/store.ts'
import type { LabelledProfile } from './labelled-profile.ts'
import type { DictionaryBlock, Retention } from './rows.ts'
import { functionBlock, ingestBlock, stackBlock } from './rows.ts'
import { SeenIds } from './seen-ids.ts'

// 8 bytes and a slot each, half full at most: about 25 MB when full.
const SEEN_FUNCTIONS = 500_000
const SEEN_STACKS = 1_000_000

export type WriterDeps = {
  readonly store: Store
  readonly retention: Retention
  readonly observeMs?: (ms: number) => void
}

/** Puts profiles into the store. What it has resolved for is stored. */
export class Writer {
  readonly #deps: WriterDeps
  readonly #functions = new SeenIds(SEEN_FUNCTIONS)
  readonly #stacks = new SeenIds(SEEN_STACKS)

  constructor(deps: WriterDeps) {
    this.#deps = deps
  }

  /** Of what is written now. */
  get retention(): Retention {
    return this.#deps.retention
  }

  /**
   * Dictionaries first, so that no row ever names a stack nobody knows; then all rows as one block
   * under `token`: the same profiles with the same token and retention again change nothing. Throws
   * `store_unavailable`; then nothing, or a part, is stored, and writing the same again completes it.
   */
  async write(
    profiles: readonly LabelledProfile[],
    token: string,
    retention = this.retention,
  ): Promise<void> {
    const start = performance.now()
    const { store } = this.#deps
    const functions = functionBlock(profiles, this.#functions)
    const stacks = stackBlock(profiles, this.#stacks)
    const block = ingestBlock(profiles, retention)
    await this.retriably(async () => {
      await Promise.all([
        this.#insertDictionary('functions', functions),
        this.#insertDictionary('stacks', stacks),
      ])
      remember(this.#functions, functions.keys)
      remember(this.#stacks, stacks.keys)
      if (block.rows > 0) await store.insert('ingest', block, token)
    })
    this.#deps.observeMs?.(performance.now() - start)
  }

  /** Whatever the store throws, the sender keeps what it has and tries again. */
  async retriably<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task()
    } catch (cause) {
      throw new FlamewatchError(
        'store_unavailable',
        `The store did not take it: ${errorMessage(cause)}`,
        {
          hint: 'Nothing is lost: send the same again in a moment.',
          retriable: true,
          status: 503,
          cause,
        },
      )
    }
  }

  async #insertDictionary(table: string, { block }: DictionaryBlock): Promise<void> {
    if (block.rows > 0) await this.#deps.store.insert(table, block, null)
  }
}

function remember(seen: SeenIds, keys: Uint32Array): void {
  for (let i = 0; i < keys.length; i += 2) seen.add(keys[i] as number, keys[i + 1] as number)
}
