import { seriesId } from '../infra/contract/ids.ts'
import type { Labels } from '../infra/contract/labels.ts'
import {
  arrays,
  dates,
  dateTimes,
  int64s,
  maps,
  type NativeValues,
  nativeBlock,
  strings,
  uint16s,
  uint32s,
  uint64s,
} from '../infra/store/native.ts'
import type { NativeBlock } from '../infra/store/store.ts'
import { type LabelledProfile, profileTypes } from './labelled-profile.ts'
import { IdTable } from './pprof/id-table.ts'
import { type SeenIds, saltOf } from './seen-ids.ts'

// Blocks of the store's tables from profiles. The same profiles make the same bytes, whenever: a
// block may be replayed under its token, so nothing in it comes from a clock or from chance.

export type Retention = { readonly rawDays: number; readonly rollupDays: number }

/** What a block holds and which ids the store knows once it has it. */
export type DictionaryBlock = { readonly block: NativeBlock; readonly keys: Uint32Array }

const DAY_S = 86_400

/** One row per series and sample type, for table `ingest`. */
export function ingestBlock(
  profiles: readonly LabelledProfile[],
  { rawDays, rollupDays }: Retention,
): NativeBlock {
  const rows = profiles.reduce((sum, { profile }) => sum + profile.rows.count, 0)
  const tenants: string[] = []
  const types: string[] = []
  const labels: Labels[] = []
  const seriesIds: bigint[] = []
  const times = new Uint32Array(rows)
  const durations = new Uint32Array(rows)
  const periods: bigint[] = []
  const partitions = new Uint32Array(rows)
  const offsets: bigint[] = []
  const ends = new Uint32Array(rows)
  let pairs = 0
  let row = 0
  for (const { tenant, profile, series, timeMs, durationMs, position } of profiles) {
    const ids = series.map(seriesId)
    const typeNames = profileTypes(profile)
    for (let i = 0; i < profile.rows.count; i++) {
      const s = profile.rows.series[i] as number
      tenants.push(tenant)
      types.push(typeNames[profile.rows.types[i] as number] as string)
      labels.push(series[s] as Labels)
      seriesIds.push(ids[s] as bigint)
      periods.push(profile.period)
      times[row] = Math.floor(timeMs / 1000)
      durations[row] = durationMs
      partitions[row] = position?.partition ?? 0
      offsets.push(position?.offset ?? 0n)
      ends[row] = pairs + (profile.rows.ends[i] as number)
      row++
    }
    pairs += profile.rows.stacks.length
  }
  return nativeBlock({
    tenant: strings(tenants),
    service: strings(labels.map(({ service }) => service as string)),
    type: strings(types),
    version: strings(labels.map(({ version }) => version as string)),
    host: strings(labels.map(({ host }) => host as string)),
    time: dateTimes(times),
    duration_ms: uint32s(durations),
    period: int64s(periods),
    series_id: uint64s(seriesIds),
    labels: labelMaps(labels),
    raw_days: uint16s(new Uint16Array(rows).fill(rawDays)),
    rollup_days: uint16s(new Uint16Array(rows).fill(rollupDays)),
    topic_partition: uint32s(partitions),
    topic_offset: uint64s(offsets),
    stack_ids: arrays(ends, uint64s(concat(profiles.map(({ profile }) => profile.rows.stackIds)))),
    vals: arrays(ends, int64s(concat(profiles.map(({ profile }) => profile.rows.values)))),
  })
}

/** The functions of `profiles` that are not in `seen`, once each, for table `functions`. */
export function functionBlock(
  profiles: readonly LabelledProfile[],
  seen: SeenIds,
): DictionaryBlock {
  const fresh = new FreshIds(seen)
  const ids: number[] = []
  const tenants: string[] = []
  const names: Uint8Array[] = []
  const files: Uint8Array[] = []
  const modules: Uint8Array[] = []
  for (const { tenant, profile } of profiles) {
    const salt = saltOf(tenant)
    const { count, ids: words, text, ends } = profile.functions
    for (let i = 0; i < count; i++) {
      const low = words[i * 2] as number
      const high = words[i * 2 + 1] as number
      if (!fresh.take(low, high, salt)) continue
      ids.push(low, high)
      tenants.push(tenant)
      const start = i === 0 ? 0 : (ends[i * 3 - 1] as number)
      const nameEnd = ends[i * 3] as number
      const fileEnd = ends[i * 3 + 1] as number
      names.push(text.subarray(start, nameEnd))
      files.push(text.subarray(nameEnd + 1, fileEnd))
      modules.push(text.subarray(fileEnd + 1, ends[i * 3 + 2]))
    }
  }
  const block = nativeBlock({
    tenant: strings(tenants),
    function_id: uint64s(Uint32Array.from(ids)),
    name: utf8(names),
    file: utf8(files),
    module: utf8(modules),
  })
  return { block, keys: fresh.keys() }
}

/**
 * The stacks of `profiles` by service, without those in `seen`, for table `stacks`. A stack is
 * written again on each day it is met: its `last_seen` is the day of the profile.
 */
export function stackBlock(profiles: readonly LabelledProfile[], seen: SeenIds): DictionaryBlock {
  const fresh = new FreshIds(seen)
  const ids: number[] = []
  const tenants: string[] = []
  const services: string[] = []
  const days: number[] = []
  const ends: number[] = []
  const frames: Uint32Array[] = []
  let frameCount = 0
  for (const { tenant, profile, series, timeMs } of profiles) {
    const day = Math.floor(timeMs / 1000 / DAY_S)
    const salts = series.map(({ service }) => saltOf(tenant, service as string, day))
    const { rows, stacks } = profile
    for (let row = 0; row < rows.count; row++) {
      const index = rows.series[row] as number
      const salt = salts[index] as Uint32Array
      const end = rows.ends[row] as number
      for (let pair = row === 0 ? 0 : (rows.ends[row - 1] as number); pair < end; pair++) {
        const low = rows.stackIds[pair * 2] as number
        const high = rows.stackIds[pair * 2 + 1] as number
        if (!fresh.take(low, high, salt)) continue
        ids.push(low, high)
        tenants.push(tenant)
        services.push(series[index]?.['service'] as string)
        days.push(day)
        const stack = rows.stacks[pair] as number
        const from = stack === 0 ? 0 : (stacks.ends[stack - 1] as number)
        const to = stacks.ends[stack] as number
        frames.push(stacks.frames.subarray(from * 2, to * 2))
        frameCount += to - from
        ends.push(frameCount)
      }
    }
  }
  const block = nativeBlock({
    tenant: strings(tenants),
    service: strings(services),
    stack_id: uint64s(Uint32Array.from(ids)),
    frames: arrays(ends, uint64s(concat(frames))),
    last_seen: dates(days),
  })
  return { block, keys: fresh.keys() }
}

/** Ids neither seen before nor taken already. */
class FreshIds {
  readonly #seen: SeenIds
  readonly #taken = new IdTable(0)
  readonly #keys: number[] = []

  constructor(seen: SeenIds) {
    this.#seen = seen
  }

  take(low: number, high: number, salt: Uint32Array): boolean {
    const keyLow = (low ^ (salt[0] as number)) >>> 0
    const keyHigh = (high ^ (salt[1] as number)) >>> 0
    if (this.#seen.has(keyLow, keyHigh)) return false
    if (this.#taken.add(keyLow, keyHigh, 0) >= 0) return false
    this.#keys.push(keyLow, keyHigh)
    return true
  }

  keys(): Uint32Array {
    return Uint32Array.from(this.#keys)
  }
}

function labelMaps(labels: readonly Labels[]): NativeValues {
  const ends: number[] = []
  const keys: string[] = []
  const values: string[] = []
  for (const set of labels) {
    for (const name of Object.keys(set).sort()) {
      keys.push(name)
      values.push(set[name] as string)
    }
    ends.push(keys.length)
  }
  return maps(ends, strings(keys), strings(values))
}

/** A String column of texts that are UTF-8 already. */
function utf8(texts: readonly Uint8Array[]): NativeValues {
  const data = Buffer.allocUnsafe(texts.reduce((sum, text) => sum + text.length + 5, 0))
  let at = 0
  for (const text of texts) {
    let rest = text.length
    for (; rest >= 0x80; rest >>>= 7) data[at++] = (rest & 0x7f) | 0x80
    data[at++] = rest
    data.set(text, at)
    at += text.length
  }
  return { type: 'String', rows: texts.length, data: data.subarray(0, at) }
}

function concat(parts: readonly Uint32Array[]): Uint32Array {
  if (parts.length === 1) return parts[0] as Uint32Array
  const whole = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
