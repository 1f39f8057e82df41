import { createHash } from 'node:crypto'
import { batchToken } from '../infra/contract/batch.ts'
import { FlamewatchError } from '../infra/runtime/errors.ts'
import type { CheckedBatch, IncomingBatch, ReadBatch } from './batch-reader.ts'
import { checkBatch, readBatch } from './batch-reader.ts'
import { groupBySize } from './group-by-size.ts'
import { KeyedLock } from './keyed-lock.ts'
import type { Ledger } from './ledger.ts'
import type { IngestMetrics } from './metrics.ts'
import type { ScanPool } from './scan-pool.ts'
import type { Writer } from './writer.ts'

export type BatchResult =
  | {
      readonly kind: 'stored'
      readonly duplicate: boolean
      readonly profiles: number
      readonly samples: number
    }
  /** Never will be (code `malformed`, `too_large` or `out_of_range`), or not by this release. */
  | { readonly kind: 'refused'; readonly error: FlamewatchError }

export type BatchIntakeDeps = {
  readonly pool: ScanPool
  readonly writer: Writer
  readonly ledger: Ledger
  readonly metrics: IngestMetrics
  readonly now: () => number
}

/** Takes collectors' batches: each is stored once, however often and by whatever door it comes. */
export class BatchIntake {
  readonly #deps: BatchIntakeDeps
  readonly #lock = new KeyedLock()

  constructor(deps: BatchIntakeDeps) {
    this.#deps = deps
  }

  /**
   * Stores `batches` in as few inserts as their size allows; answers in their order. A refused one
   * hurts no other. Throws `store_unavailable` when the store did not take all of them: sending the
   * same again stores what is missing.
   */
  async write(batches: readonly IncomingBatch[]): Promise<BatchResult[]> {
    const nowMs = this.#deps.now()
    const checked = batches.map((batch) => checkBatch(batch, nowMs))
    const keys = checked.map((batch) => ('headers' in batch ? batch.headers.collector : ''))
    try {
      const results = await this.#lock.run(keys, () => this.#writeLocked(checked))
      for (const [i, result] of results.entries()) this.#count(result, batches[i] as IncomingBatch)
      return results
    } catch (error) {
      const result = error instanceof FlamewatchError ? error.code : 'internal'
      this.#deps.metrics.received.inc({ door: 'batches', result }, batches.length)
      throw error
    }
  }

  async #writeLocked(checked: readonly (CheckedBatch | FlamewatchError)[]): Promise<BatchResult[]> {
    const stored = new Set<string>()
    const outcomes = await Promise.all(
      checked.map((batch) => {
        if (batch instanceof FlamewatchError) return batch
        const token = batchToken(batch.headers)
        // The same batch twice in one call.
        if (stored.has(token)) return null
        stored.add(token)
        return this.#prepare(batch)
      }),
    )
    await this.#store(
      outcomes.filter((outcome): outcome is ReadBatch => outcome !== null && 'entry' in outcome),
    )
    return outcomes.map((outcome) => {
      if (outcome instanceof FlamewatchError) return { kind: 'refused', error: outcome }
      const { profiles = 0, samples = 0 } = outcome?.entry ?? {}
      return { kind: 'stored', duplicate: outcome === null, profiles, samples }
    })
  }

  /** Null for a batch that is stored already. */
  async #prepare(batch: CheckedBatch): Promise<ReadBatch | FlamewatchError | null> {
    const { ledger, pool, writer } = this.#deps
    if (await writer.retriably(() => ledger.has(batch.tenant, batch.headers))) return null
    return readBatch(batch, pool)
  }

  async #store(batches: readonly ReadBatch[]): Promise<void> {
    const { ledger, writer } = this.#deps
    for (const group of groupBySize(batches, ({ entry }) => entry)) {
      await writer.write(
        group.map(({ labelled }) => labelled),
        groupToken(group),
      )
      await writer.retriably(() => ledger.add(group.map(({ entry }) => entry)))
    }
  }

  #count(result: BatchResult, { body }: IncomingBatch): void {
    const { metrics } = this.#deps
    metrics.bytes.inc({ door: 'batches' }, body.length)
    if (result.kind === 'refused') {
      metrics.received.inc({ door: 'batches', result: result.error.code })
      return
    }
    metrics.received.inc({ door: 'batches', result: result.duplicate ? 'duplicate' : 'stored' })
    metrics.profiles.inc({ door: 'batches' }, result.profiles)
    metrics.samples.inc({ door: 'batches' }, result.samples)
  }
}

/** A batch alone has its own token; a group's names exactly what is in it. */
function groupToken(group: readonly ReadBatch[]): string {
  const tokens = group.map(({ entry }) => batchToken(entry.headers))
  if (tokens.length === 1) return tokens[0] as string
  return `group/${createHash('sha256').update(tokens.join('\n')).digest('hex')}`
}
