import fc from 'fast-check'
import {
  Label,
  Line,
  Location,
  Mapping,
  Function as PprofFunction,
  Profile,
  Sample,
  StringTable,
  ValueType,
} from 'pprof-format'
import { expect, test } from 'vitest'
import { PROFILE_LIMITS } from '../limits.ts'
import { flattenPprof, flattenScanned } from '../testing/flatten.ts'
import { scanProfile } from './scan.ts'
import { Scratch } from './scratch.ts'

// Any right profile means the same to the scanner and to pprof-format. Values and ids go to the ends
// of their range; pprof-format reads negative values as unsigned, which flattenPprof undoes.

const name = fc.oneof(
  fc.constantFrom('main', 'work', 'std::vector<int>::push_back', '日本語', 'émoji 😀', ' '),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    .filter((text) => !text.includes('\0')),
)
const value = fc.oneof(
  fc.bigInt({ min: -(2n ** 57n), max: 2n ** 57n }),
  fc.constantFrom(0n, 1n, -1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n + 1n),
)
// Sequential, or anything that fits 64 bits.
const ids = (count: number) =>
  fc.oneof(
    fc.constant(Array.from({ length: count }, (_, i) => BigInt(i + 1))),
    fc.uniqueArray(fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }), {
      minLength: count,
      maxLength: count,
    }),
  )

const shape = fc.record({
  sampleTypes: fc.uniqueArray(fc.constantFrom('cpu', 'wall', 'alloc_space', 'inuse_objects'), {
    minLength: 1,
    maxLength: 3,
  }),
  mappings: fc.array(
    fc.record({
      file: fc.oneof(fc.constantFrom('/usr/lib/libc.so.6', '[vdso]', 'app', '/a/b/'), name),
      start: fc.bigInt({ min: 0n, max: 2n ** 48n }),
      size: fc.bigInt({ min: 0n, max: 2n ** 24n }),
      offset: fc.bigInt({ min: 0n, max: 2n ** 24n }),
    }),
    { maxLength: 3 },
  ),
  functions: fc.array(fc.record({ name, file: fc.oneof(fc.constant(''), name) }), {
    minLength: 1,
    maxLength: 6,
  }),
  locations: fc.array(
    fc.record({
      mapping: fc.nat(),
      address: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      lines: fc.array(fc.record({ fn: fc.nat(), line: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n) }), {
        maxLength: 3,
      }),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  samples: fc.array(
    fc.record({
      stack: fc.array(fc.nat(), { maxLength: 12 }),
      values: fc.array(value, { minLength: 3, maxLength: 3 }),
      labels: fc.array(
        fc.record({
          key: fc.constantFrom('service', 'comm', 'größe', '__proto__'),
          text: fc.oneof(fc.constant(''), name),
          num: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
        }),
        { maxLength: 3 },
      ),
    }),
    { maxLength: 12 },
  ),
})

const profiles = shape.chain((drawn) =>
  fc
    .record({
      mappingIds: ids(drawn.mappings.length),
      functionIds: ids(drawn.functions.length),
      locationIds: ids(drawn.locations.length),
    })
    .map((drawnIds) => encode(drawn, drawnIds)),
)

type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never
type Ids = Readonly<Record<'mappingIds' | 'functionIds' | 'locationIds', bigint[]>>

function encode(drawn: Shape, { mappingIds, functionIds, locationIds }: Ids): Uint8Array {
  const strings = new StringTable()
  const pick = (list: readonly bigint[], n: number) => list[n % list.length] as bigint
  const types = drawn.sampleTypes.length
  return new Profile({
    stringTable: strings,
    sampleType: drawn.sampleTypes.map(
      (type) => new ValueType({ type: strings.dedup(type), unit: strings.dedup('count') }),
    ),
    mapping: drawn.mappings.map(
      ({ file, start, size, offset }, i) =>
        new Mapping({
          id: mappingIds[i] as bigint,
          memoryStart: start,
          memoryLimit: start + size,
          fileOffset: offset,
          filename: strings.dedup(file),
        }),
    ),
    function: drawn.functions.map(
      (fn, i) =>
        new PprofFunction({
          id: functionIds[i] as bigint,
          name: strings.dedup(fn.name),
          filename: strings.dedup(fn.file),
        }),
    ),
    location: drawn.locations.map(
      ({ mapping, address, lines }, i) =>
        new Location({
          id: locationIds[i] as bigint,
          mappingId: mappingIds.length === 0 ? 0 : pick([0n, ...mappingIds], mapping),
          address,
          line: lines.map(({ fn, line }) => new Line({ functionId: pick(functionIds, fn), line })),
        }),
    ),
    sample: drawn.samples.map(
      ({ stack, values, labels }) =>
        new Sample({
          locationId: stack.map((n) => pick(locationIds, n)),
          value: values.slice(0, types),
          label: labels.map(
            ({ key, text, num }) =>
              new Label({ key: strings.dedup(key), str: strings.dedup(text), num }),
          ),
        }),
    ),
    timeNanos: 1_700_000_000_000_000_000n,
  }).encode()
}

// One for all, as a thread has it: nothing of one profile may show in the next.
const scratch = new Scratch()

test('any profile means the same to the scanner and to pprof-format', () => {
  fc.assert(
    fc.property(profiles, (bytes) => {
      const scanned = scanProfile(bytes, PROFILE_LIMITS, scratch)
      if (scanned.kind === 'fault') throw new Error(scanned.reason)
      expect(flattenScanned(scanned)).toEqual(flattenPprof(bytes))
    }),
    { numRuns: 500, seed: 1 },
  )
})

test('a byte changed anywhere makes a fault or a profile, never anything else', () => {
  fc.assert(
    fc.property(profiles, fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, at, flip) => {
      const damaged = bytes.slice()
      const place = at % damaged.length
      damaged[place] = (damaged[place] as number) ^ flip
      expect(['profile', 'fault']).toContain(scanProfile(damaged, PROFILE_LIMITS, scratch).kind)
    }),
    { numRuns: 2_000, seed: 1 },
  )
})
