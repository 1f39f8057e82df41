import type { Account, StackFault } from '../../infra/contract/account.ts'
import { filteredOf } from '../../infra/contract/account.ts'
import type { Frame } from '../symbolize/frame.ts'
import type { ProfileTime } from './encode-profile.ts'
import { encodeProfile } from './encode-profile.ts'
import { faultOf } from './placeholder.ts'
import type { BatchSample, BatchSamples } from './sample-merger.ts'

export type ProfilePart = {
  /** pprof, not compressed. */
  readonly bytes: Uint8Array
  readonly account: Account
}

/** What a window counted, before its samples became a batch. */
export type WindowCounts = Pick<Account, 'taken' | 'idle' | 'filtered' | 'dropped'>

/**
 * Encodes a window's samples as one profile, or as several where it would be over `limitBytes`. The
 * accounts of the parts add up to that of the window: each has its own samples, the first has besides
 * what is in no profile.
 */
export function encodeParts(
  batch: BatchSamples,
  counts: WindowCounts,
  time: ProfileTime,
  limitBytes: number,
): ProfilePart[] {
  const encoded: { bytes: Uint8Array; samples: readonly BatchSample[] }[] = []
  let tooLarge = 0
  const pending: (readonly BatchSample[])[] = [batch.samples]
  while (pending.length > 0) {
    const samples = pending.pop() as readonly BatchSample[]
    const bytes = encodeProfile(batch.frames, samples, time)
    if (bytes.length <= limitBytes) {
      encoded.push({ bytes, samples })
    } else if (samples.length <= 1) {
      tooLarge += countSamples(samples)
    } else {
      const middle = samples.length >>> 1
      pending.push(samples.slice(middle), samples.slice(0, middle))
    }
  }
  if (encoded.length === 0)
    encoded.push({ bytes: encodeProfile(batch.frames, [], time), samples: [] })
  return encoded.map(({ bytes, samples }, i) => {
    const kept = countSamples(samples)
    const faults = countFaults(batch.frames, samples)
    if (i > 0) return { bytes, account: { taken: kept, idle: 0, kept, dropped: {}, faults } }
    const dropped = tooLarge > 0 ? { ...counts.dropped, batch_too_large: tooLarge } : counts.dropped
    const { idle, filtered = 0 } = counts
    const taken = kept + idle + filtered + sum(Object.values(dropped))
    return { bytes, account: { taken, idle, ...filteredOf(filtered), kept, dropped, faults } }
  })
}

function countFaults(
  frames: readonly Frame[],
  samples: readonly BatchSample[],
): Partial<Record<StackFault, number>> {
  const faults: Partial<Record<StackFault, number>> = {}
  const faultByFrame = new Map<number, StackFault>()
  for (const [index, frame] of frames.entries()) {
    const fault = faultOf(frame)
    if (fault) faultByFrame.set(index, fault)
  }
  // They are a handful, the frames of all stacks some ten thousand.
  // A sample whose two stacks were lost alike is one sample.
  for (const { stack, count } of samples)
    for (const [index, fault] of faultByFrame)
      if (stack.includes(index)) faults[fault] = (faults[fault] ?? 0) + count
  return faults
}

function countSamples(samples: readonly BatchSample[]): number {
  return sum(samples.map(({ count }) => count))
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, n) => total + n, 0)
}
