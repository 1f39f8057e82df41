import {
  Line,
  Location,
  Mapping,
  Function as PprofFunction,
  Profile,
  Sample,
  StringTable,
  ValueType,
} from 'pprof-format'
import type { ProfileTypeParts } from '../../infra/contract/profile.ts'
import type { CallTree } from './call-tree.ts'

export type PprofOptions = {
  readonly type: ProfileTypeParts
  /** 0 where the type has none. */
  readonly period: number
  /** Unix ms. */
  readonly fromMs: number
  readonly toMs: number
}

/**
 * One side of a tree as a plain pprof: a sample per stack, a location per function, a mapping per
 * module. Addresses and lines are not stored, so there are none.
 */
export function encodePprof(tree: CallTree, side: number, options: PprofOptions): Uint8Array {
  const { trie, functions } = tree
  const flat = tree.flat[side] as CallTree['flat'][number]
  const texts = new StringTable()
  const used = new Set<number>()
  const sample: Sample[] = []
  for (let node = 0; node < trie.nodes; node++) {
    if (flat.approximate(node) === 0) continue
    const locationId: number[] = []
    for (let at = node; at !== 0; at = trie.parent[at] as number) {
      const fn = trie.fn[at] as number
      used.add(fn)
      locationId.push(fn + 1)
    }
    sample.push(new Sample({ locationId, value: [flat.exact(node)] }))
  }
  const mappings = new Map<string, number>()
  const location: Location[] = []
  const pprofFunctions: PprofFunction[] = []
  for (const fn of used) {
    const module = functions.modules[fn] as string
    if (!mappings.has(module)) mappings.set(module, mappings.size + 1)
    const name = texts.dedup(functions.names[fn] as string)
    const filename = texts.dedup(functions.files[fn] as string)
    const id = fn + 1
    const line = [new Line({ functionId: id })]
    location.push(new Location({ id, mappingId: mappings.get(module) as number, line }))
    pprofFunctions.push(new PprofFunction({ id, name, systemName: name, filename }))
  }
  const { sampleType, sampleUnit, periodType, periodUnit } = options.type
  return new Profile({
    sampleType: [valueType(texts, sampleType, sampleUnit)],
    sample,
    mapping: [...mappings].map(([module, id]) => {
      // Tells pprof that there is nothing to symbolize.
      const has = { hasFunctions: true, hasFilenames: true, hasLineNumbers: true }
      return new Mapping({ id, filename: texts.dedup(module), ...has })
    }),
    location,
    function: pprofFunctions,
    timeNanos: BigInt(options.fromMs) * 1_000_000n,
    durationNanos: BigInt(options.toMs - options.fromMs) * 1_000_000n,
    ...(periodType !== '' && { periodType: valueType(texts, periodType, periodUnit) }),
    period: options.period,
    stringTable: texts,
  }).encode()
}

function valueType(texts: StringTable, type: string, unit: string): ValueType {
  return new ValueType({ type: texts.dedup(type), unit: texts.dedup(unit) })
}
