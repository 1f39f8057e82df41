import type { Labels } from '../../infra/contract/labels.ts'
import type { ValueType } from '../../infra/contract/profile.ts'
import { CPU_SAMPLE } from '../../infra/contract/profile.ts'
import type { Frame, SourceLine } from '../symbolize/frame.ts'
import type { SampleKind } from '../window.ts'
import { ProtoWriter } from './proto-writer.ts'
import type { BatchSample } from './sample-merger.ts'

export type ProfileTime = {
  /** Unix ms. */
  readonly startMs: number
  readonly endMs: number
  /** Between two samples of one CPU. */
  readonly periodNs: number
  /** What else the samples are than those of the CPU clock. */
  readonly kind?: SampleKind
}

// https://github.com/google/pprof/blob/main/proto/profile.proto
const PROFILE = {
  ...{ sampleType: 1, sample: 2, mapping: 3, location: 4, function: 5, stringTable: 6 },
  ...{ timeNanos: 9, durationNanos: 10, periodType: 11, period: 12 },
} as const
const VALUE_TYPE = { type: 1, unit: 2 } as const
const SAMPLE = { locationId: 1, value: 2, label: 3 } as const
const LABEL = { key: 1, str: 2 } as const
const MAPPING = { id: 1, filename: 5, buildId: 6, hasFunctions: 7 } as const
const LOCATION = { id: 1, mappingId: 2, address: 3, line: 4 } as const
const LINE = { functionId: 1, line: 2 } as const
const FUNCTION = { id: 1, name: 2, systemName: 3, filename: 4, startLine: 5 } as const

/**
 * The pprof of format 1 (infra/contract/batch.ts). Written directly: as objects of pprof-format a window was
 * a third to half of what the collector did once warm.
 */
export function encodeProfile(
  frames: readonly Frame[],
  samples: readonly BatchSample[],
  time: ProfileTime,
): Uint8Array {
  const tables = new Tables(frames)
  const cpu = { sample: CPU_SAMPLE, period: { type: CPU_SAMPLE, value: time.periodNs } }
  const { sample: sampleType, period } = time.kind ?? cpu
  const profile = new ProtoWriter()
  profile.message(PROFILE.sampleType, tables.valueType(sampleType))
  const sample = new ProtoWriter()
  for (const { labels, stack, value } of samples) {
    sample.clear()
    sample.packed(SAMPLE.locationId, tables.locationsOf(stack))
    sample.packed(SAMPLE.value, [value * (period?.value ?? 1)])
    sample.raw(tables.labelsOf(labels))
    profile.message(PROFILE.sample, sample.bytes)
  }
  // It may name a string no sample has.
  const periodType = period && tables.valueType(period.type)
  profile.raw(tables.mappings.bytes)
  profile.raw(tables.locations.bytes)
  profile.raw(tables.functions.bytes)
  profile.raw(tables.strings.bytes)
  profile.number(PROFILE.timeNanos, BigInt(time.startMs) * 1_000_000n)
  profile.number(PROFILE.durationNanos, BigInt(time.endMs - time.startMs) * 1_000_000n)
  if (periodType) profile.message(PROFILE.periodType, periodType)
  if (period) profile.number(PROFILE.period, period.value)
  return profile.bytes
}

type FunctionId = { readonly id: number; readonly line: SourceLine; readonly mapping: string }

// Ids are 1 + index, given at first use.
class Tables {
  readonly mappings = new ProtoWriter()
  readonly locations = new ProtoWriter()
  readonly functions = new ProtoWriter()
  readonly strings = new ProtoWriter()
  readonly #frames: readonly Frame[]
  readonly #locationIds: Uint32Array
  #lastLocation = 0
  #lastMapping = 0
  #lastFunction = 0
  readonly #texts = new Map<string, number>()
  readonly #mappingsByFile = new Map<string, { id: number; buildId: string }[]>()
  readonly #functionsByName = new Map<string, FunctionId[]>()
  readonly #labels = new Map<Labels, Uint8Array>()
  /** Of the stack at hand. */
  readonly #stack: number[] = []
  readonly #message = new ProtoWriter()
  readonly #part = new ProtoWriter()

  constructor(frames: readonly Frame[]) {
    this.#frames = frames
    this.#locationIds = new Uint32Array(frames.length)
    this.#text('')
  }

  valueType({ type, unit }: ValueType): Uint8Array {
    const message = new ProtoWriter()
    message.number(VALUE_TYPE.type, this.#text(type))
    message.number(VALUE_TYPE.unit, this.#text(unit))
    return message.bytes
  }

  /** Ids, valid until the next call. */
  locationsOf(stack: readonly number[]): readonly number[] {
    const ids = this.#stack
    ids.length = stack.length
    for (let i = 0; i < stack.length; i++) ids[i] = this.#location(stack[i] as number)
    return ids
  }

  /** The label fields of a sample. */
  labelsOf(labels: Labels): Uint8Array {
    const known = this.#labels.get(labels)
    if (known) return known
    const fields = new ProtoWriter()
    for (const [key, value] of Object.entries(labels)) {
      this.#part.clear()
      this.#part.number(LABEL.key, this.#text(key))
      this.#part.number(LABEL.str, this.#text(value))
      fields.message(SAMPLE.label, this.#part.bytes)
    }
    const bytes = fields.bytes.slice()
    this.#labels.set(labels, bytes)
    return bytes
  }

  #text(value: string): number {
    const known = this.#texts.get(value)
    if (known !== undefined) return known
    const index = this.#texts.size
    this.#texts.set(value, index)
    this.strings.text(PROFILE.stringTable, value)
    return index
  }

  #location(index: number): number {
    const known = this.#locationIds[index] as number
    if (known !== 0) return known
    const frame = this.#frames[index] as Frame
    const id = ++this.#lastLocation
    const mappingId = this.#mapping(frame)
    const functionIds = [...frame.inlined, frame].map((line) => this.#function(line, frame))
    const message = this.#message
    message.clear()
    message.number(LOCATION.id, id)
    message.number(LOCATION.mappingId, mappingId)
    message.number(LOCATION.address, frame.address)
    for (const [i, functionId] of functionIds.entries()) {
      this.#part.clear()
      this.#part.number(LINE.functionId, functionId)
      this.#part.number(LINE.line, (frame.inlined[i] ?? frame).line)
      message.message(LOCATION.line, this.#part.bytes)
    }
    this.locations.message(PROFILE.location, message.bytes)
    this.#locationIds[index] = id
    return id
  }

  #mapping({ mapping, buildId }: Frame): number {
    const known = findSame(this.#mappingsByFile, mapping, (other) => other.buildId === buildId)
    if (known) return known.id
    const id = ++this.#lastMapping
    const message = this.#message
    message.clear()
    message.number(MAPPING.id, id)
    message.number(MAPPING.filename, this.#text(mapping))
    message.number(MAPPING.buildId, this.#text(buildId))
    message.number(MAPPING.hasFunctions, 1)
    this.mappings.message(PROFILE.mapping, message.bytes)
    addSame(this.#mappingsByFile, mapping, { id, buildId })
    return id
  }

  /** What is inlined is in the mapping of the frame it is inlined into. */
  #function(line: SourceLine, { mapping }: Frame): number {
    const { name, systemName, file, startLine } = line
    const known = findSame(
      this.#functionsByName,
      name,
      ({ line: other, mapping: otherMapping }) =>
        other.systemName === systemName &&
        other.file === file &&
        other.startLine === startLine &&
        otherMapping === mapping,
    )
    if (known) return known.id
    const id = ++this.#lastFunction
    const message = this.#message
    message.clear()
    message.number(FUNCTION.id, id)
    message.number(FUNCTION.name, this.#text(name))
    message.number(FUNCTION.systemName, this.#text(systemName))
    message.number(FUNCTION.filename, this.#text(file))
    message.number(FUNCTION.startLine, startLine)
    this.functions.message(PROFILE.function, message.bytes)
    addSame(this.#functionsByName, name, { id, line, mapping })
    return id
  }
}

// Maps from one part of a key to the few that share it: cheaper than to join the parts for each of
// thousands of frames.

function findSame<V>(
  map: ReadonlyMap<string, readonly V[]>,
  key: string,
  isSame: (value: V) => boolean,
): V | undefined {
  return map.get(key)?.find(isSame)
}

function addSame<V>(map: Map<string, V[]>, key: string, value: V): void {
  const values = map.get(key)
  if (values) values.push(value)
  else map.set(key, [value])
}
