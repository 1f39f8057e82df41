import { Profile } from 'pprof-format'
import { describe, expect, test } from 'vitest'
import { addAccounts, EMPTY_ACCOUNT, unaccounted } from '../../infra/contract/account.ts'
import type { Labels } from '../../infra/contract/labels.ts'
import type { Frame } from '../symbolize/frame.ts'
import { makeFrame } from '../symbolize/frames.ts'
import { PLACEHOLDER_FRAMES } from './placeholder.ts'
import { SampleMerger } from './sample-merger.ts'
import type { ProfilePart } from './split-batch.ts'
import { encodeParts } from './split-batch.ts'

const TIME = { startMs: 1000, endMs: 11_000, periodNs: 10_000_000 }
const NO_LIMIT = Number.MAX_SAFE_INTEGER

function frame(name: string): Frame {
  return makeFrame({
    name,
    systemName: `_${name}`,
    file: `${name}.c`,
    line: 7,
    mapping: '/bin/app',
    buildId: 'abcd',
    address: 0x1234n,
  })
}

function addStack(merger: SampleMerger, labels: Labels, stack: Frame[], count: number): void {
  merger.add(
    labels,
    stack.map((frame) => merger.indexOf(frame)),
    count,
  )
}

function manyStacks(stacks: number): SampleMerger {
  const merger = new SampleMerger()
  for (let i = 0; i < stacks; i++)
    addStack(merger, { service: 'app', version: '1', host: 'h' }, [frame(`function_${i}`)], i + 1)
  return merger
}

function read({ bytes }: ProfilePart) {
  const profile = Profile.decode(bytes)
  const text = (index: number | bigint) => profile.stringTable.strings[Number(index)] as string
  const functions = new Map(profile.function.map((f) => [f.id, text(f.name)]))
  const locations = new Map(
    profile.location.map((l) => [l.id, functions.get(l.line[0]?.functionId as number)]),
  )
  return profile.sample.map(({ locationId, value, label }) => ({
    stack: locationId.map((id) => locations.get(id)),
    value: Number(value[0]),
    labels: Object.fromEntries(label.map(({ key, str }) => [text(key), text(str)])),
  }))
}

describe('one part', () => {
  test('holds every sample with its labels, and values that add up to kept times period', () => {
    const merger = new SampleMerger()
    addStack(merger, { service: 'a' }, [frame('f'), frame('g')], 3)
    addStack(merger, { service: 'b', comm: 'x' }, [frame('f')], 4)
    const counts = { taken: 20, idle: 12, dropped: { counts_full: 1 } }
    const [part, ...others] = encodeParts(merger, counts, TIME, NO_LIMIT)
    expect(others).toEqual([])
    expect(read(part as ProfilePart)).toEqual([
      { stack: ['f', 'g'], value: 30_000_000, labels: { service: 'a' } },
      { stack: ['f'], value: 40_000_000, labels: { service: 'b', comm: 'x' } },
    ])
    expect(part?.account).toEqual({ ...counts, kept: 7, faults: {} })
  })

  test('counts each fault by the placeholder that shows it, once per sample', () => {
    const merger = new SampleMerger()
    const { collision, broken } = PLACEHOLDER_FRAMES
    addStack(merger, { service: 'a' }, [collision, collision], 2)
    addStack(merger, { service: 'a' }, [collision, frame('f'), broken], 3)
    addStack(merger, { service: 'a' }, [frame('f'), broken], 4)
    const [part] = encodeParts(merger, { taken: 9, idle: 0, dropped: {} }, TIME, NO_LIMIT)
    expect(part?.account.faults).toEqual({ collision: 5, broken: 7 })
  })

  test('of an idle window has no samples and the whole account', () => {
    const counts = { taken: 100, idle: 100, dropped: {} }
    const parts = encodeParts(new SampleMerger(), counts, TIME, NO_LIMIT)
    expect(parts.map(({ account }) => account)).toEqual([{ ...counts, kept: 0, faults: {} }])
    expect(read(parts[0] as ProfilePart)).toEqual([])
  })
})

describe('several parts', () => {
  const counts = { taken: 5050 + 33, idle: 30, dropped: { recursion: 3 } }
  const parts = encodeParts(manyStacks(100), counts, TIME, 2000)

  test('are within the limit and hold every sample once', () => {
    expect(parts.length).toBeGreaterThan(2)
    for (const { bytes } of parts) expect(bytes.length).toBeLessThanOrEqual(2000)
    const values = parts.flatMap(read).map(({ value }) => value / TIME.periodNs)
    expect(values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
  })

  test('have accounts that are right each and add up to that of the window', () => {
    for (const { account } of parts) expect(unaccounted(account)).toBe(0)
    const total = parts.map(({ account }) => account).reduce(addAccounts, EMPTY_ACCOUNT)
    expect(total).toEqual({ ...counts, kept: 5050, faults: {} })
  })

  test('leave what is in no profile to the first', () => {
    expect(parts[0]?.account).toMatchObject({ idle: 30, dropped: { recursion: 3 } })
    for (const { account, ...part } of parts.slice(1)) {
      const kept = read({ account, ...part }).reduce((sum, { value }) => sum + value, 0)
      expect(account).toEqual({
        idle: 0,
        dropped: {},
        faults: {},
        taken: kept / TIME.periodNs,
        kept: kept / TIME.periodNs,
      })
    }
  })
})

test('a sample that is over the limit alone is counted as dropped', () => {
  const merger = manyStacks(3)
  addStack(merger, { service: 'x'.repeat(3000) }, [frame('f')], 10)
  const parts = encodeParts(merger, { taken: 16, idle: 0, dropped: {} }, TIME, 1000)
  const total = parts.map(({ account }) => account).reduce(addAccounts, EMPTY_ACCOUNT)
  expect(total).toEqual({
    taken: 16,
    idle: 0,
    kept: 6,
    faults: {},
    dropped: { batch_too_large: 10 },
  })
  expect(unaccounted(total)).toBe(0)
})

test('the account travels also when no sample is within the limit', () => {
  const parts = encodeParts(manyStacks(2), { taken: 3, idle: 0, dropped: {} }, TIME, 10)
  expect(parts.map(({ account }) => account)).toEqual([
    { ...{ taken: 3, idle: 0, kept: 0, faults: {} }, dropped: { batch_too_large: 3 } },
  ])
})
