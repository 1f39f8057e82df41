import fc from 'fast-check'
import { Profile } from 'pprof-format'
import { describe, expect, it } from 'vitest'
import { CPU_TYPE, parseProfileType } from '../../infra/contract/profile.ts'
import { sumUp } from '../../query/tree/call-tree.ts'
import { tabulate } from '../../query/tree/function-table.ts'
import { encodePprof } from '../../query/tree/pprof.ts'
import type { SidedStack } from '../fixtures/call-tree.ts'
import { arbitraryStacks, callTreeOf, foldedOf, stacksOf } from '../fixtures/call-tree.ts'
import type { PprofRow } from '../fixtures/go-pprof.ts'
import { readByGoPprof, runGoPprof } from '../fixtures/go-pprof.ts'

// What leaves as pprof, read by Google's own pprof.

const type = parseProfileType(CPU_TYPE)
if (type === null) throw new Error('the CPU type is none')
const OPTIONS = { type, period: 10_101_010, fromMs: 1_700_000_000_000, toMs: 1_700_000_600_000 }

function encode(stacks: readonly SidedStack[], side = 0): Uint8Array {
  const tree = callTreeOf(stacks, stacks[0]?.values.length ?? 1, true)
  return Buffer.concat([...encodePprof(tree, side, OPTIONS)])
}

// pprof tells functions apart by name: ours with one name are added up, recursion counted once.
function tableByName(stacks: readonly SidedStack[], side: number): Map<string, PprofRow> {
  const rows = new Map<string, PprofRow>()
  const names = stacks.map(({ frames }) => frames.map((frame) => frame.replace(/^.*!/, '')))
  for (const name of new Set(names.flat())) {
    const sumOf = (matches: (frames: readonly string[]) => boolean) =>
      stacks.reduce(
        (sum, { values }, i) => (matches(names[i] as string[]) ? sum + Number(values[side]) : sum),
        0,
      )
    const flat = sumOf((frames) => frames.at(-1) === name)
    const cum = sumOf((frames) => frames.includes(name))
    if (flat !== 0 || cum !== 0) rows.set(name, { flat, cum })
  }
  return rows
}

describe('a pprof export, read by go tool pprof', () => {
  it('has the flat and cum of every function, on both sides', () => {
    const arbitrary = arbitraryStacks(2).filter((stacks) => stacks.length > 0)
    for (const stacks of fc.sample(arbitrary, { numRuns: 12, seed: 7 })) {
      for (const side of [0, 1]) {
        if (stacks.every(({ values }) => values[side] === 0n)) continue
        expect(readByGoPprof(encode(stacks, side), 'ns')).toEqual(tableByName(stacks, side))
      }
    }
  })

  it('has names of any kind whole', () => {
    const names = [
      'std::vector<int, std::allocator<int> >::push_back(int const&)',
      'core::ptr::drop_in_place<alloc::vec::Vec<u8>>',
      'Lcom/example/Foo;.bar:(I)V',
      '[unknown]',
      'ünïcödé 🔥',
    ]
    const stacks = names.map((name, i) => ({ frames: ['main', name], values: [BigInt(i + 1)] }))
    expect(readByGoPprof(encode(stacks), 'ns')).toEqual(tableByName(stacks, 0))
  })

  it('has the stacks as they were folded', () => {
    const stacks = stacksOf('main;parse;read 5\nmain;parse 7\nmain;fib;fib;fib 19')
    const traces = runGoPprof(encode(stacks), ['-traces', '-unit=ns'])
    const folded = traces
      .split(/^-+\+-+$/m)
      .map((block) => block.trim().split('\n'))
      .filter((lines) => /^\d/.test(lines[0] as string))
      .map((lines) => {
        const [value, leaf] = (lines[0] as string).trim().split(/ns\s+/)
        const frames = [leaf, ...lines.slice(1).map((line) => line.trim())].reverse()
        return `${frames.join(';')} ${value}\n`
      })
    expect(folded.sort().join('')).toBe(foldedOf(callTreeOf(stacks, 1)))
  })

  it('is whole in many pieces', () => {
    const stacks = Array.from({ length: 5_000 }, (_, i) => ({
      frames: ['main', `f${i}`, `g${i % 10}`],
      values: [BigInt(i + 1)],
    }))
    expect([...encodePprof(callTreeOf(stacks, 1), 0, OPTIONS)].length).toBeGreaterThan(5)
    expect(readByGoPprof(encode(stacks), 'ns')).toEqual(tableByName(stacks, 0))
  })

  it('is empty where there is nothing', () => {
    expect(readByGoPprof(encode([]), 'ns')).toEqual(new Map())
  })
})

it('says what was measured, when, and by which modules', () => {
  const stacks = stacksOf('app!main@main.c;libc.so.6!read 20')
  const tree = sumUp(callTreeOf(stacks, 1))
  expect(tabulate(tree).present).toHaveLength(2)
  const profile = Profile.decode(Buffer.concat([...encodePprof(tree, 0, OPTIONS)]))
  const text = (index: number | bigint) => profile.stringTable.strings[Number(index)]
  expect(profile.sampleType.map(({ type, unit }) => [text(type), text(unit)])).toEqual([
    ['cpu', 'nanoseconds'],
  ])
  expect(profile.timeNanos).toBe(1_700_000_000_000_000_000n)
  expect(profile.durationNanos).toBe(600_000_000_000n)
  expect(profile.period).toBe(10_101_010)
  expect(profile.mapping.map(({ filename }) => text(filename)).sort()).toEqual(['app', 'libc.so.6'])
  expect(profile.function.map(({ filename }) => text(filename)).sort()).toEqual(['', 'main.c'])
})
