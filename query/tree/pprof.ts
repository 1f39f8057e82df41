import {
  emptyTableToken,
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

// Some milliseconds of work each.
const STACKS_PER_PIECE = 1_000
const FUNCTIONS_PER_PIECE = 4_000

/**
 * One side of a tree as a plain pprof: a sample per stack, a location per function, a mapping per
 * module. Addresses and lines are not stored, so there are none. In pieces that are profiles of their
 * own and a whole one after another, since protobuf adds repeated fields up: 50,000 stacks at once
 * would hold up every other question for half a second.
 */
export function* encodePprof(
  tree: CallTree,
  side: number,
  options: PprofOptions,
): Generator<Uint8Array> {
  const { functions } = tree
  const texts = new StringTable()
  const mappings = new Map<string, number>()
  const used = new Set<number>()
  yield* encodeSamples(tree, side, used)
  let location: Location[] = []
  let pprofFunctions: PprofFunction[] = []
  for (const fn of used) {
    const module = functions.modules[fn] as string
    if (!mappings.has(module)) mappings.set(module, mappings.size + 1)
    const name = texts.dedup(functions.names[fn] as string)
    const filename = texts.dedup(functions.files[fn] as string)
    const id = fn + 1
    const line = [new Line({ functionId: id })]
    location.push(new Location({ id, mappingId: mappings.get(module) as number, line }))
    pprofFunctions.push(new PprofFunction({ id, name, systemName: name, filename }))
    if (location.length < FUNCTIONS_PER_PIECE) continue
    yield encodePiece({ location, function: pprofFunctions })
    location = []
    pprofFunctions = []
  }
  const { sampleType, sampleUnit, periodType, periodUnit } = options.type
  yield new Profile({
    sampleType: [valueType(texts, sampleType, sampleUnit)],
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

/** Adds the functions met to `used`. */
function* encodeSamples(
  { trie, flat }: CallTree,
  side: number,
  used: Set<number>,
): Generator<Uint8Array> {
  const sums = flat[side] as CallTree['flat'][number]
  let sample: Sample[] = []
  for (let node = 0; node < trie.nodes; node++) {
    if (sums.approximate(node) === 0) continue
    const locationId: number[] = []
    for (let at = node; at !== 0; at = trie.parent[at] as number) {
      const fn = trie.fn[at] as number
      used.add(fn)
      locationId.push(fn + 1)
    }
    sample.push(new Sample({ locationId, value: [sums.exact(node)] }))
    if (sample.length < STACKS_PER_PIECE) continue
    yield encodePiece({ sample })
    sample = []
  }
  yield encodePiece({ sample })
}

// Only the last piece has strings: the first of all must be the empty one.
function encodePiece(part: ConstructorParameters<typeof Profile>[0]): Uint8Array {
  return new Profile({ ...part, stringTable: new StringTable(emptyTableToken) }).encode()
}

function valueType(texts: StringTable, type: string, unit: string): ValueType {
  return new ValueType({ type: texts.dedup(type), unit: texts.dedup(unit) })
}
