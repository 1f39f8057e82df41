import { Profile } from 'pprof-format'
import { moduleOfFile, PLACEHOLDER, PLACEHOLDER_MODULE } from '../../infra/contract/profile.ts'
import type { ScannedProfile } from '../pprof/profile.ts'

// Two ways to the same table: sums by (sample type, labels, stack). One reads what the scanner made,
// the other what pprof-format made of the same bytes.

/** Keys are readable: `cpu/nanoseconds {comm=a} app!main@main.c;libc.so!read`. */
export type Flat = ReadonlyMap<string, bigint>

export function flattenScanned(profile: ScannedProfile): Flat {
  const { rows, stacks, functions } = profile
  const names = new Map<string, string>()
  for (let i = 0; i < functions.count; i++) {
    const [start, nameEnd, fileEnd, end] = [
      i === 0 ? 0 : (functions.ends[i * 3 - 1] as number),
      ...functions.ends.subarray(i * 3, i * 3 + 3),
    ] as [number, number, number, number]
    const text = (from: number, to: number) =>
      Buffer.from(functions.text.subarray(from, to)).toString()
    names.set(
      wordsKey(functions.ids, i),
      frameText(text(start, nameEnd), text(nameEnd + 1, fileEnd), text(fileEnd + 1, end)),
    )
  }
  const flat = new Map<string, bigint>()
  for (let row = 0; row < rows.count; row++) {
    const labels = new Map(profile.series[rows.series[row] as number]?.toReversed())
    const type = profile.sampleTypes[rows.types[row] as number]
    const end = rows.ends[row] as number
    for (let pair = row === 0 ? 0 : (rows.ends[row - 1] as number); pair < end; pair++) {
      const stack = rows.stacks[pair] as number
      const frames: string[] = []
      const last = stacks.ends[stack] as number
      for (let f = stack === 0 ? 0 : (stacks.ends[stack - 1] as number); f < last; f++)
        frames.push(names.get(wordsKey(stacks.frames, f)) as string)
      const value =
        (BigInt((rows.values[pair * 2 + 1] as number) | 0) << 32n) |
        BigInt(rows.values[pair * 2] as number)
      add(flat, `${type?.type}/${type?.unit}`, labels, frames, value)
    }
  }
  return withoutZeros(flat)
}

export function flattenPprof(bytes: Uint8Array): Flat {
  const profile = Profile.decode(bytes)
  const text = (index: number | bigint) => profile.stringTable.strings[Number(index)] as string
  const byId = <T extends { id: number | bigint }>(items: readonly T[]) =>
    new Map(items.map((item) => [BigInt(item.id), item]))
  const mappings = byId(profile.mapping)
  const locations = byId(profile.location)
  const functions = byId(profile.function)
  const flat = new Map<string, bigint>()
  for (const sample of profile.sample) {
    const frames = sample.locationId.flatMap((id) => {
      const location = locations.get(BigInt(id))
      if (!location) throw new Error(`location ${id}`)
      const mapping = mappings.get(BigInt(location.mappingId))
      const module = mapping ? moduleOfFile(text(mapping.filename)) : ''
      if (location.line.length === 0) {
        const start = BigInt(mapping?.memoryStart ?? 0)
        let address = BigInt.asUintN(64, BigInt(location.address))
        if (mapping && address >= start && address < BigInt(mapping.memoryLimit))
          address += BigInt(mapping.fileOffset) - start
        const name = `${module === '' ? '' : `${module}+`}0x${address.toString(16)}`
        return [frameText(name, '', module)]
      }
      return location.line.map((line) => {
        const fn = functions.get(BigInt(line.functionId))
        return frameText(text(fn?.name ?? 0), text(fn?.filename ?? 0), module)
      })
    })
    if (frames.length === 0) frames.push(frameText(PLACEHOLDER.noStack, '', PLACEHOLDER_MODULE))
    const labels = new Map<string, string>()
    for (const { key, str } of sample.label)
      if (Number(str) !== 0 && !labels.has(text(key))) labels.set(text(key), text(str))
    profile.sampleType.forEach(({ type, unit }, i) => {
      const value = BigInt.asIntN(64, BigInt(sample.value[i] as number | bigint))
      add(flat, `${text(type)}/${text(unit)}`, labels, frames.toReversed(), value)
    })
  }
  return withoutZeros(flat)
}

function frameText(name: string, file: string, module: string): string {
  return `${module}!${name}@${file}`
}

function add(
  flat: Map<string, bigint>,
  type: string,
  labels: ReadonlyMap<string, string>,
  frames: readonly string[],
  value: bigint,
): void {
  const set = [...labels].sort().map(([name, text]) => `${name}=${text}`)
  const key = `${type} {${set.join(',')}} ${frames.join(';')}`
  flat.set(key, (flat.get(key) ?? 0n) + value)
}

function withoutZeros(flat: Map<string, bigint>): Flat {
  return new Map([...flat].filter(([, value]) => value !== 0n))
}

function wordsKey(words: Uint32Array, index: number): string {
  return `${words[index * 2]} ${words[index * 2 + 1]}`
}
