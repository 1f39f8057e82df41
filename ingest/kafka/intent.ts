import { FlamewatchError } from '../../infra/runtime/errors.ts'
import type { Retention } from '../rows.ts'
import { parseSkipList } from './skip-list.ts'

// What a member of the group is about to store, committed before it begins, as the metadata of the
// offset where the range starts. Whoever owns the partition next stores exactly the same once more:
// the same messages, judged by the same clock, with the same retention, under the same token, which
// the store then knows or not. Nothing else of the first try is needed, and nothing of it is lost
// with the process.

export type Intent = {
  /** Offsets of the range, both in it. `lo` follows the range before, also where offsets are left out. */
  readonly lo: bigint
  readonly hi: bigint
  /** Unix ms of the first try: what was late then is late in every try. */
  readonly atMs: number
  readonly retention: Retention
  /** Offsets, counted from `lo`, that are not stored: stored before, or dead letters. As SkipList writes. */
  readonly skip: string
}

// The broker's offset.metadata.max.bytes is 4,096; the rest of an intent takes 120.
export const MAX_SKIP_CHARACTERS = 3_500

const VERSION = 1

export function encodeIntent({ hi, atMs, retention, skip }: Intent): string {
  return JSON.stringify({
    v: VERSION,
    hi: String(hi),
    at: atMs,
    raw: retention.rawDays,
    rollup: retention.rollupDays,
    ...(skip !== '' && { skip }),
  })
}

/**
 * The intent that `metadata` of a committed offset holds, null where it holds none: all before
 * `lo` is stored. Throws `kafka_intent` for one that a newer release left behind.
 */
export function decodeIntent(lo: bigint, metadata: string): Intent | null {
  if (metadata === '') return null
  const value = parseJson(metadata)
  if (value?.['v'] !== VERSION) throw foreign(lo, metadata)
  const { hi, at, raw, rollup, skip = '' } = value
  if (typeof hi !== 'string' || !/^\d{1,19}$/.test(hi) || BigInt(hi) < lo)
    throw foreign(lo, metadata)
  if (!isCount(at) || !isCount(raw) || !isCount(rollup)) throw foreign(lo, metadata)
  if (typeof skip !== 'string' || !parseSkipList(skip)) throw foreign(lo, metadata)
  return {
    lo,
    hi: BigInt(hi),
    atMs: at,
    retention: { rawDays: raw, rollupDays: rollup },
    skip,
  }
}

/** Tells the offsets of a range that are not stored. */
export function skipsOf({ lo, skip }: Intent): (offset: bigint) => boolean {
  const has = parseSkipList(skip)
  return (offset) => has?.(Number(offset - lo)) ?? false
}

/**
 * Deduplication token of a range. Its offsets alone would not do: a topic made anew has them again,
 * and the store would take its first messages for those of the old one.
 */
export function rangeToken(topic: string, partition: number, { lo, hi, atMs }: Intent): string {
  return `${topic}/${partition}/${lo}-${hi}/${atMs}`
}

function parseJson(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' ? (value as Record<string, unknown> | null) : null
  } catch {
    return null
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function foreign(lo: bigint, metadata: string): FlamewatchError {
  return new FlamewatchError(
    'kafka_intent',
    `The group's offset ${lo} was committed with ${JSON.stringify(metadata.slice(0, 200))}, which this release does not read.`,
    {
      hint: 'Start the newer release once more and stop it: it leaves no work behind. If another program committed it, commit the same offset without metadata.',
    },
  )
}
