import { createHash } from 'node:crypto'
import type { BatchHeaders } from '../infra/contract/batch.ts'
import { batchToken, parseBatchHeaders } from '../infra/contract/batch.ts'
import { DEFAULT_TENANT, findLabelFault, type Labels } from '../infra/contract/labels.ts'
import { CPU_TYPE } from '../infra/contract/profile.ts'
import { FlamewatchError } from '../infra/runtime/errors.ts'
import { faultError } from './fault-error.ts'
import { KeyedLock } from './keyed-lock.ts'
import { type LabelledProfile, profileTypes } from './labelled-profile.ts'
import type { Ledger, LedgerEntry } from './ledger.ts'
import type { IngestMetrics } from './metrics.ts'
import type { SampleLabels } from './pprof/profile.ts'
import type { ScanPool } from './scan-pool.ts'
import { labelsOf } from './series-labels.ts'
import { findTimeFault } from './time-window.ts'
import type { Writer } from './writer.ts'

export type IncomingBatch = {
  /** BATCH_HEADERS of infra/contract/batch.ts, lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** pprof, gzip or plain. */
  readonly body: Uint8Array
}

export type BatchResult =
  | {
      readonly kind: 'stored'
      readonly duplicate: boolean
      readonly profiles: number
      readonly samples: number
    }
  /** Never will be: code `malformed`, `too_large` or `out_of_range`. */
  | { readonly kind: 'refused'; readonly error: FlamewatchError }

export type BatchIntakeDeps = {
  readonly pool: ScanPool
  readonly writer: Writer
  readonly ledger: Ledger
  readonly metrics: IngestMetrics
  readonly now: () => number
}

type Checked = { readonly headers: BatchHeaders; readonly body: Uint8Array }
type Ready = { readonly labelled: LabelledProfile; readonly entry: LedgerEntry }

// What the store takes as one block without a part being cut off (reference: a Native block).
const MAX_ROWS = 10_000
const MAX_PAIRS = 1_000_000

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
    const checked = batches.map((batch) => this.#check(batch))
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

  #check({ headers, body }: IncomingBatch): Checked | FlamewatchError {
    const parsed = parseBatchHeaders((name) => headers[name])
    if (parsed.kind === 'fault')
      return new FlamewatchError('malformed', parsed.reason, { status: 400 })
    const fault = findTimeFault(parsed.headers.windowStart, this.#deps.now())
    return fault ?? { headers: parsed.headers, body }
  }

  async #writeLocked(checked: readonly (Checked | FlamewatchError)[]): Promise<BatchResult[]> {
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
      outcomes.filter((outcome): outcome is Ready => outcome !== null && 'entry' in outcome),
    )
    return outcomes.map((outcome) => {
      if (outcome instanceof FlamewatchError) return { kind: 'refused', error: outcome }
      const { profiles = 0, samples = 0 } = outcome?.entry ?? {}
      return { kind: 'stored', duplicate: outcome === null, profiles, samples }
    })
  }

  /** Null for a batch that is stored already. */
  async #prepare({ headers, body }: Checked): Promise<Ready | FlamewatchError | null> {
    const { ledger, pool, writer } = this.#deps
    const tenant = DEFAULT_TENANT
    if (await writer.retriably(() => ledger.has(tenant, headers))) return null
    const profile = await pool.scan(body)
    if (profile.kind === 'fault') return faultError(profile)
    const series: Labels[] = []
    for (const labels of profile.series) {
      const set = labelsOf(labels)
      const fault = findLabelFault(set)?.reason ?? findHostFault(labels, headers.host)
      if (fault)
        return new FlamewatchError('malformed', `The labels of a sample: ${fault}.`, {
          status: 400,
        })
      series.push(set)
    }
    const { windowStart, windowEnd } = headers
    const durationMs = windowEnd - windowStart
    return {
      labelled: { tenant, profile, series, timeMs: windowStart, durationMs },
      entry: {
        tenant,
        headers,
        // A collector's batch has one.
        type: profileTypes(profile)[0] ?? CPU_TYPE,
        profiles: profile.rows.count,
        samples: profile.rows.stacks.length,
        bytes: body.length,
      },
    }
  }

  async #store(batches: readonly Ready[]): Promise<void> {
    const { ledger, writer } = this.#deps
    for (const group of groupBySize(batches)) {
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

function findHostFault(labels: SampleLabels, host: string): string | undefined {
  const own = labels.find(([name]) => name === 'host')?.[1]
  if (own === host) return undefined
  return `host is ${JSON.stringify(own)}, the batch is of ${JSON.stringify(host)}`
}

function* groupBySize(batches: readonly Ready[]): Generator<readonly Ready[]> {
  let group: Ready[] = []
  let rows = 0
  let pairs = 0
  for (const batch of batches) {
    rows += batch.entry.profiles
    pairs += batch.entry.samples
    if (group.length > 0 && (rows > MAX_ROWS || pairs > MAX_PAIRS)) {
      yield group
      group = []
      rows = batch.entry.profiles
      pairs = batch.entry.samples
    }
    group.push(batch)
  }
  if (group.length > 0) yield group
}

/** A batch alone has its own token; a group's names exactly what is in it. */
function groupToken(group: readonly Ready[]): string {
  const tokens = group.map(({ entry }) => batchToken(entry.headers))
  if (tokens.length === 1) return tokens[0] as string
  return `group/${createHash('sha256').update(tokens.join('\n')).digest('hex')}`
}
