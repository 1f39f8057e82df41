import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { Profile } from 'pprof-format'
import type { Account } from '../../infra/contract/account.ts'
import type { Labels } from '../../infra/contract/labels.ts'
import type { ValueType } from '../../infra/contract/profile.ts'
import type { Frame, SourceLine } from '../symbolize/frame.ts'
import { makeFrame } from '../symbolize/frames.ts'
import type { SampleKind } from '../window.ts'
import type { BatchPart } from './encode-batch.ts'
import { encodeSamples } from './encode-batch.ts'
import type { ProfileTime } from './encode-profile.ts'
import type { BatchSample } from './sample-merger.ts'

const gunzipAsync = promisify(gunzip)

type NumberLike = number | bigint

/**
 * Splits a batch that turned out too large after it was encoded, into parts of at most about half its
 * size. Their accounts add up to that of the batch. Rare, since a batch is encoded for the size its way
 * takes: only when somebody lowered that size meanwhile.
 */
export async function splitBody(body: Uint8Array, account: Account): Promise<BatchPart[]> {
  // Our own bytes, behind a checksum.
  const profile = Profile.decode(await gunzipAsync(body))
  const { samples, time } = readSamples(profile, account.kept)
  const limits = { rawBytes: Infinity, bodyBytes: Math.ceil(body.length * 0.6) }
  const parts = await encodeSamples({ frames: readFrames(profile), samples }, account, time, limits)
  // What is known about the quality of stacks stays with the first part.
  return parts.map((part, i) => ({
    ...part,
    account: { ...part.account, faults: i === 0 ? account.faults : {} },
  }))
}

// Ids are 1 + index (encode-profile.ts).
function readFrames(profile: Profile): Frame[] {
  const text = textOf(profile)
  return profile.location.map(({ mappingId, address, line }): Frame => {
    const mapping = profile.mapping[Number(mappingId) - 1]
    const lines = line.map(({ functionId, line }): SourceLine => {
      const { name, systemName, filename, startLine } = at(profile.function, functionId)
      return {
        ...{ name: text(name), systemName: text(systemName), file: text(filename) },
        ...{ line: Number(line), startLine: Number(startLine) },
      }
    })
    const own = lines.pop() ?? { name: '', systemName: '', file: '', line: 0, startLine: 0 }
    return makeFrame({
      ...{ ...own, inlined: lines, address: BigInt.asUintN(64, BigInt(address)) },
      mapping: mapping ? text(mapping.filename) : '',
      buildId: mapping ? text(mapping.buildId) : '',
    })
  })
}

function readSamples(
  profile: Profile,
  kept: number,
): { samples: BatchSample[]; time: ProfileTime } {
  const text = textOf(profile)
  const typeOf = (type: { type: NumberLike; unit: NumberLike }): ValueType => ({
    type: text(type.type),
    unit: text(type.unit),
  })
  const [sampleType] = profile.sampleType
  const { periodType } = profile
  const period = Number(profile.period)
  const kind: SampleKind = {
    sample: sampleType ? typeOf(sampleType) : { type: '', unit: '' },
    period: periodType && period > 0 ? { type: typeOf(periodType), value: period } : null,
  }
  const startMs = Number(BigInt(profile.timeNanos) / 1_000_000n)
  const endMs = startMs + Number(BigInt(profile.durationNanos) / 1_000_000n)
  const values = profile.sample.map(({ value }) => Number(value[0]) / (kind.period?.value ?? 1))
  const counts = kind.period ? values : share(kept, values.length)
  const samples = profile.sample.map(({ locationId, label }, i): BatchSample => {
    const labels: Labels = Object.fromEntries(label.map(({ key, str }) => [text(key), text(str)]))
    const stack = locationId.map((id) => Number(id) - 1)
    return { labels, stack, count: counts[i] as number, value: values[i] as number }
  })
  return { samples, time: { startMs, endMs, periodNs: period, kind } }
}

// How many samples a value without a period stands for is in no profile; their number together is.
function share(kept: number, rows: number): number[] {
  const each = Math.floor(kept / rows)
  return Array.from({ length: rows }, (_, i) => (i === 0 ? kept - each * (rows - 1) : each))
}

function textOf({ stringTable }: Profile): (index: NumberLike) => string {
  return (index) => stringTable.strings[Number(index)] ?? ''
}

function at<T>(table: readonly T[], id: NumberLike): T {
  return table[Number(id) - 1] as T
}
