import { groupBySize } from '../group-by-size.ts'
import { MAX_SKIP_CHARACTERS } from './intent.ts'
import type { Judged } from './judge.ts'
import { SkipList } from './skip-list.ts'

/** Messages that are stored together, as one block. */
export type Range = {
  readonly lo: bigint
  readonly hi: bigint
  /** See Intent. */
  readonly skip: string
  readonly judged: readonly Judged[]
}

const NOTHING = { profiles: 0, samples: 0 }

/**
 * Cuts a group of messages, of which the first is the next after `lo - 1`, into as few ranges as one
 * block of the store and the metadata of a commit can hold each. Mostly that is one.
 */
export function cutRanges(lo: bigint, judged: readonly Judged[]): Range[] {
  const ranges: Range[] = []
  let next = lo
  for (const group of groupBySize(judged, sizeOf)) {
    for (const range of cutBySkips(next, group)) {
      ranges.push(range)
      next = range.hi + 1n
    }
  }
  return ranges
}

function* cutBySkips(lo: bigint, judged: readonly Judged[]): Generator<Range> {
  let start = 0
  let first = lo
  let skips = new SkipList()
  for (const [i, { message, verdict }] of judged.entries()) {
    if (verdict.kind !== 'store') skips.add(Number(message.offset - first))
    const isLast = i === judged.length - 1
    if (!isLast && skips.text.length < MAX_SKIP_CHARACTERS - 40) continue
    const hi = message.offset
    yield { lo: first, hi, skip: skips.text, judged: judged.slice(start, i + 1) }
    start = i + 1
    first = hi + 1n
    skips = new SkipList()
  }
}

function sizeOf({ verdict }: Judged) {
  return verdict.kind === 'store' ? verdict.batch.entry : NOTHING
}
