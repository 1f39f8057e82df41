import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Account } from '../../infra/contract/account.ts'
import type { SampleKind, SampleWindow } from '../window.ts'
import type { ProfileTime } from './encode-profile.ts'
import type { BatchSamples } from './sample-merger.ts'
import type { WindowCounts } from './split-batch.ts'
import { encodeParts } from './split-batch.ts'

const gzipAsync = promisify(gzip)

export type BatchPart = {
  /** gzip pprof. */
  readonly body: Uint8Array<ArrayBuffer>
  /** Before compression. */
  readonly rawBytes: number
  readonly account: Account
}

/** Most that one part may be. */
export type PartLimits = {
  /** Before compression. */
  readonly rawBytes: number
  /** Compressed. */
  readonly bodyBytes: number
}

/** The bytes of a window's batch: usually one part, more where one would be over a limit. */
export function encodeBatch(
  samples: BatchSamples,
  window: SampleWindow & { readonly kind?: SampleKind },
  limits: PartLimits,
): Promise<BatchPart[]> {
  const { startMs, endMs, frequencyHz, kind } = window
  const periodNs = Math.round(1e9 / frequencyHz)
  return encodeSamples(samples, window, { startMs, endMs, periodNs, ...(kind && { kind }) }, limits)
}

/** See encodeParts: that, compressed. */
export async function encodeSamples(
  samples: BatchSamples,
  counts: WindowCounts,
  time: ProfileTime,
  { rawBytes, bodyBytes }: PartLimits,
): Promise<BatchPart[]> {
  for (let limitBytes = rawBytes; ; ) {
    const parts: BatchPart[] = []
    for (const { bytes, account } of encodeParts(samples, counts, time, limitBytes)) {
      // Level 1 takes half the time of the default, for bytes a tenth more.
      const body = new Uint8Array(await gzipAsync(bytes, { level: 1 }))
      parts.push({ body, rawBytes: bytes.length, account })
    }
    const largest = parts.reduce((a, b) => (b.body.length > a.body.length ? b : a))
    // Without a sample there is nothing left to split.
    if (largest.body.length <= bodyBytes || largest.account.kept === 0) return parts
    // What is compressed alike is as much smaller before; a little less, since smaller parts are so worse.
    limitBytes = Math.floor((0.9 * largest.rawBytes * bodyBytes) / largest.body.length)
  }
}
