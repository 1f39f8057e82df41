import { batchToken } from '../../infra/contract/batch.ts'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { type CheckedBatch, checkBatch, type ReadBatch, readBatch } from '../batch-reader.ts'
import type { Ledger } from '../ledger.ts'
import type { Scanner } from '../scan-pool.ts'
import { batchOf, type TopicMessage } from './messages.ts'

export type JudgeDeps = {
  readonly ledger: Ledger
  readonly pool: Scanner
}

/** What becomes of a message. */
export type Verdict =
  | { readonly kind: 'store'; readonly batch: ReadBatch }
  /** Its batch is stored, or comes earlier in the same group. */
  | { readonly kind: 'duplicate' }
  /** Not to be stored by this release. */
  | { readonly kind: 'dead'; readonly error: FlamewatchError }

export type Judged = { readonly message: TopicMessage; readonly verdict: Verdict }

const DUPLICATE: Verdict = { kind: 'duplicate' }

// A thread may break for another reason than the profile it has in hand.
const SCAN_TRIES = 3

/**
 * Judges messages for the first time. Throws what the ledger threw; then nothing has been decided.
 * Profiles are scanned on the pool's threads.
 */
export async function judge(
  messages: readonly TopicMessage[],
  partition: number,
  nowMs: number,
  { ledger, pool }: JudgeDeps,
): Promise<Judged[]> {
  const checked = messages.map((message) => check(message, nowMs))
  const asked = checked.filter((batch): batch is CheckedBatch => !(batch instanceof Error))
  const known = await ledger.stored(asked)
  const stored = new Set(asked.filter((_, i) => known[i]))
  const earlier = new Map<string, Promise<Verdict>>()

  async function judgeOne(batch: CheckedBatch | FlamewatchError, message: TopicMessage) {
    if (batch instanceof FlamewatchError) return { kind: 'dead', error: batch } as const
    if (stored.has(batch)) return DUPLICATE
    const key = `${batch.tenant}/${batchToken(batch.headers)}`
    const before = earlier.get(key)
    const verdict = (async () => {
      // One that is dead has not stored what this one may.
      if (before && (await before).kind !== 'dead') return DUPLICATE
      return read(batch, message, partition, pool)
    })()
    earlier.set(key, verdict)
    return verdict
  }

  return Promise.all(
    messages.map(async (message, i): Promise<Judged> => {
      const batch = checked[i] as CheckedBatch | FlamewatchError
      return { message, verdict: await judgeOne(batch, message) }
    }),
  )
}

/**
 * Reads again what an earlier try decided to store, by its clock. A message that is refused now
 * (the limits have changed since) is dead.
 */
export function readAgain(
  messages: readonly TopicMessage[],
  partition: number,
  atMs: number,
  pool: Scanner,
): Promise<Judged[]> {
  return Promise.all(
    messages.map(async (message) => {
      const batch = check(message, atMs)
      if (batch instanceof FlamewatchError)
        return { message, verdict: { kind: 'dead', error: batch } }
      return { message, verdict: await read(batch, message, partition, pool) }
    }),
  )
}

function check(message: TopicMessage, nowMs: number): CheckedBatch | FlamewatchError {
  const batch = batchOf(message)
  return batch instanceof FlamewatchError ? batch : checkBatch(batch, nowMs)
}

async function read(
  batch: CheckedBatch,
  { offset }: TopicMessage,
  partition: number,
  pool: Scanner,
): Promise<Verdict> {
  for (let left = SCAN_TRIES - 1; ; left--) {
    try {
      const result = await readBatch(batch, pool)
      if (result instanceof FlamewatchError) return { kind: 'dead', error: result }
      const labelled = { ...result.labelled, position: { partition, offset } }
      return { kind: 'store', batch: { ...result, labelled } }
    } catch (error) {
      // The pool is closing: that says nothing about the profile.
      if (!(error instanceof FlamewatchError) || error.retriable) throw error
      if (left === 0) return { kind: 'dead', error }
    }
  }
}
