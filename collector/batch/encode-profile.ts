import type { Label, Location, Mapping, Function as PprofFunction } from 'pprof-format'
import * as pprof from 'pprof-format'
import type { Labels } from '../../infra/contract/labels.ts'
import type { ValueType } from '../../infra/contract/profile.ts'
import { CPU_SAMPLE } from '../../infra/contract/profile.ts'
import type { Frame, SourceLine } from '../symbolize/frame.ts'
import type { SampleKind } from '../window.ts'
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

/** The pprof of format 1 (infra/contract/batch.ts) as an object that can be measured and encoded. */
export function toProfile(
  frames: readonly Frame[],
  samples: readonly BatchSample[],
  time: ProfileTime,
): pprof.Profile {
  const tables = new Tables(frames)
  const cpu = { sample: CPU_SAMPLE, period: { type: CPU_SAMPLE, value: time.periodNs } }
  const { sample: sampleType, period } = time.kind ?? cpu
  const typeOf = ({ type, unit }: ValueType) =>
    new pprof.ValueType({ type: tables.text(type), unit: tables.text(unit) })
  const sampleTypes = [typeOf(sampleType)]
  const sample = samples.map(
    ({ labels, stack, value }) =>
      new pprof.Sample({
        locationId: stack.map((index) => tables.location(index)),
        value: [value * (period?.value ?? 1)],
        label: tables.labels(labels),
      }),
  )
  return new pprof.Profile({
    sampleType: sampleTypes,
    sample,
    mapping: tables.mappings,
    location: tables.locations,
    function: tables.functions,
    stringTable: tables.strings,
    timeNanos: BigInt(time.startMs) * 1_000_000n,
    durationNanos: BigInt(time.endMs - time.startMs) * 1_000_000n,
    ...(period && { periodType: typeOf(period.type), period: period.value }),
  })
}

type FunctionId = { readonly id: number; readonly line: SourceLine; readonly mapping: string }

// Ids are 1 + index, given at first use.
class Tables {
  readonly strings = new pprof.StringTable()
  readonly mappings: Mapping[] = []
  readonly locations: Location[] = []
  readonly functions: PprofFunction[] = []
  readonly #frames: readonly Frame[]
  readonly #locationIds: Uint32Array
  readonly #mappingsByFile = new Map<string, { id: number; buildId: string }[]>()
  readonly #functionsByName = new Map<string, FunctionId[]>()
  readonly #labels = new Map<Labels, Label[]>()

  constructor(frames: readonly Frame[]) {
    this.#frames = frames
    this.#locationIds = new Uint32Array(frames.length)
  }

  text(value: string): number {
    return this.strings.dedup(value)
  }

  labels(labels: Labels): Label[] {
    let list = this.#labels.get(labels)
    if (!list) {
      list = Object.entries(labels).map(
        ([key, str]) => new pprof.Label({ key: this.text(key), str: this.text(str) }),
      )
      this.#labels.set(labels, list)
    }
    return list
  }

  location(index: number): number {
    const known = this.#locationIds[index] as number
    if (known !== 0) return known
    const frame = this.#frames[index] as Frame
    const id = this.locations.length + 1
    this.locations.push(
      new pprof.Location({
        id,
        mappingId: this.#mapping(frame),
        address: frame.address,
        line: [...frame.inlined, frame].map(
          (at) => new pprof.Line({ functionId: this.#function(at, frame), line: at.line }),
        ),
      }),
    )
    this.#locationIds[index] = id
    return id
  }

  #mapping({ mapping, buildId }: Frame): number {
    const known = findSame(this.#mappingsByFile, mapping, (other) => other.buildId === buildId)
    if (known) return known.id
    const id = this.mappings.length + 1
    const [filename, build] = [this.text(mapping), this.text(buildId)]
    this.mappings.push(new pprof.Mapping({ id, filename, buildId: build, hasFunctions: true }))
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
    const id = this.functions.length + 1
    this.functions.push(
      new pprof.Function({
        id,
        name: this.text(name),
        systemName: this.text(systemName),
        filename: this.text(file),
        startLine,
      }),
    )
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
