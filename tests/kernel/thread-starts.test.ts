import { beforeEach, expect, test } from 'vitest'
import { openSampler } from '../../collector/kernel/sampler.ts'
import { type Mappings, readMappings } from '../../collector/process/mappings.ts'
import type { Frame } from '../../collector/symbolize/frame.ts'
import { Symbolizer } from '../../collector/symbolize/symbolizer.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { compileFixture, scriptFixture } from '../fixtures/programs/build.ts'
import { requireRoot, start } from './programs.ts'
import { drainWhile, rowsOf, stackOf } from './windows.ts'

beforeEach(requireRoot)

type SampledStack = { readonly frames: readonly Frame[]; readonly count: number }

/** The user stacks of a program that runs for a second, leaf first. */
async function sample(file: string, args: readonly string[]): Promise<SampledStack[]> {
  let mappings: Mappings | null = null
  const sampler = await openSampler({
    ...{ frequencyHz: 499, log: silentLog(), niceness: 0 },
    onProcess: ({ tgid }) => {
      if (tgid === pid) mappings = readMappings(pid)
    },
  })
  const { pid, ended } = start(file, args)
  const symbols = new Symbolizer({ cacheBytes: 32 << 20, log: silentLog() })
  // What it maps once it runs, while it can still be read.
  const late = setInterval(() => {
    mappings = readMappings(pid) ?? mappings
  }, 50)
  try {
    const windows = await drainWhile(sampler, ended)
    return windows.flatMap((window) =>
      rowsOf(window, pid).flatMap((row) => {
        const index = window.userStack[row] ?? -1
        if (index < 0) return []
        const frames = stackOf(window, index).map((address, i) =>
          symbols.user({ pid, mappings }, address, i === 0),
        )
        return [{ frames, count: window.count[row] ?? 0 }]
      }),
    )
  } finally {
    clearInterval(late)
    await sampler.close()
  }
}

function shareOf(stacks: readonly SampledStack[], accept: (frames: readonly Frame[]) => boolean) {
  const sum = (all: readonly SampledStack[]) => all.reduce((n, { count }) => n + count, 0)
  return sum(stacks.filter(({ frames }) => accept(frames))) / sum(stacks)
}

function namesOf(frames: readonly Frame[]): string {
  return frames.map(({ name }) => name).join(' ')
}

test.each(['busy-fp', 'busy-exec', 'busy-stripped'] as const)(
  'stacks of %s end where its threads begin, the main one and others',
  async (fixture) => {
    const stacks = await sample(compileFixture(fixture), ['1000', '1'])
    // Some samples are of the loader and of the C library, which keep no frame pointers.
    expect(shareOf(stacks, (frames) => frames.at(-1)?.threadStart === true)).toBeGreaterThan(0.9)
    const begins = new Set(stacks.map(({ frames }) => frames.at(-1)).filter((f) => f?.threadStart))
    expect(begins.size).toBeGreaterThanOrEqual(2)
  },
)

test('the whole call tree of a program is named', async () => {
  const stacks = await sample(compileFixture('busy-fp'), ['1000'])
  const share = (leaf: string) =>
    shareOf(stacks, (frames) => namesOf(frames).startsWith(`burn ${leaf} work main `))
  expect(share('heavy') + share('light')).toBeGreaterThan(0.9)
  expect(share('heavy')).toBeGreaterThan(share('light'))
})

test('stacks of a program without frame pointers do not pretend to be whole', async () => {
  const stacks = await sample(compileFixture('busy-nofp'), ['1000'])
  expect(shareOf(stacks, (frames) => frames.at(-1)?.threadStart === true)).toBeLessThan(0.1)
})

test('stacks of Node’s main thread end where it begins', async () => {
  const stacks = await sample(process.execPath, [scriptFixture('busy.mjs'), '1000'])
  const main = stacks.filter(({ frames }) => frames.some(({ name }) => name.startsWith('node::')))
  expect(shareOf(main, (frames) => frames.at(-1)?.threadStart === true)).toBeGreaterThan(0.9)
})
