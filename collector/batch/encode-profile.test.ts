import { Profile } from 'pprof-format'
import { expect, test } from 'vitest'
import type { Frame } from '../symbolize/frame.ts'
import { makeFrame } from '../symbolize/frames.ts'
import { encodeProfile } from './encode-profile.ts'

const TIME = { startMs: 1_700_000_000_123, endMs: 1_700_000_010_123, periodNs: 10_101_010 }

const LEAF: Frame = makeFrame({
  name: 'std::sort<int>',
  systemName: '_ZSt4sortIiE',
  file: 'sort.cc',
  line: 42,
  mapping: '/usr/bin/app',
  buildId: 'abcd',
  address: 0xffff_ffff_8100_0000n,
})

function encode(frames: readonly Frame[], stacks: readonly (readonly number[])[]) {
  const labels = { service: 'a' }
  const samples = stacks.map((stack) => ({ labels, stack, count: 2, value: 2 }))
  const profile = Profile.decode(encodeProfile(frames, samples, TIME))
  return { profile, text: (index: number | bigint) => profile.stringTable.strings[Number(index)] }
}

test('describes time, period and the one type of value', () => {
  const { profile, text } = encode([LEAF], [[0]])
  expect(profile.timeNanos).toBe(1_700_000_000_123_000_000n)
  expect(profile.durationNanos).toBe(10_000_000_000n)
  expect(profile.period).toBe(10_101_010)
  for (const type of [...profile.sampleType, profile.periodType])
    expect([text(type?.type ?? 0), text(type?.unit ?? 0)]).toEqual(['cpu', 'nanoseconds'])
  expect(profile.sampleType).toHaveLength(1)
})

test('keeps all a frame says', () => {
  const { profile, text } = encode([LEAF], [[0]])
  const [location] = profile.location
  const [f] = profile.function
  const [mapping] = profile.mapping
  expect(location).toMatchObject({ address: LEAF.address, mappingId: mapping?.id })
  expect(location?.line).toMatchObject([{ functionId: f?.id, line: 42 }])
  expect([f?.name, f?.systemName, f?.filename].map((i) => text(i ?? 0))).toEqual([
    ...[LEAF.name, LEAF.systemName, LEAF.file],
  ])
  expect([mapping?.filename, mapping?.buildId].map((i) => text(i ?? 0))).toEqual([
    ...[LEAF.mapping, LEAF.buildId],
  ])
  expect(mapping?.hasFunctions).toBe(true)
})

test('writes every function, mapping and string once, and nothing that no sample has', () => {
  const frames = [LEAF, { ...LEAF, address: 1n }, { ...LEAF, name: 'unused' }]
  const { profile } = encode(frames, [[0, 1], [1]])
  expect(profile.location).toHaveLength(2)
  expect(profile.function).toHaveLength(1)
  expect(profile.mapping).toHaveLength(1)
  const { strings } = profile.stringTable
  expect(new Set(strings).size).toBe(strings.length)
  expect(strings).not.toContain('unused')
})

test('tells functions of one name apart by file and module', () => {
  const frames = [LEAF, { ...LEAF, file: 'other.cc' }, { ...LEAF, mapping: '/usr/bin/other' }]
  const { profile } = encode(frames, [[0, 1, 2]])
  expect(profile.function).toHaveLength(3)
  expect(profile.mapping).toHaveLength(2)
})

test('what was inlined at an address is lines of its location, innermost first, in its module', () => {
  const call = (name: string, line: number) => ({
    ...{ name, systemName: name, file: 'a.go', line, startLine: line - 1 },
  })
  const frame = { ...LEAF, startLine: 40, inlined: [call('inner', 3), call('outer', 9)] }
  const { profile, text } = encode([frame], [[0]])
  const lines = profile.location[0]?.line ?? []
  expect(lines.map(({ line }) => line)).toEqual([3, 9, 42])
  const functions = lines.map(({ functionId }) =>
    profile.function.find(({ id }) => id === functionId),
  )
  expect(functions.map((f) => [text(f?.name ?? 0), f?.startLine])).toEqual([
    ['inner', 2],
    ['outer', 8],
    [LEAF.name, 40],
  ])
  expect(profile.mapping).toHaveLength(1)
})
