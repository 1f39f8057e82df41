import { beforeEach, describe, expect, test } from 'vitest'
import { WindowProcessor } from '../../collector/batch/window-processor.ts'
import type { SampleFilter } from '../../collector/kernel/filter.ts'
import { openSampler, type Sampler } from '../../collector/kernel/sampler.ts'
import { OFF_CPU } from '../../collector/kernel/sources/off-cpu.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { type BatchRow, readProfile } from '../fixtures/batch-rows.ts'
import { compile, NO_FRAME_POINTERS, requireRoot, start, temporaryDirectory } from './programs.ts'
import { TableLoader } from './table-loader.ts'
import { unaccountedOf } from './windows.ts'

const directory = temporaryDirectory()
beforeEach(requireRoot)

const SETTINGS = {
  ...{ host: 'test-host', symbolCacheBytes: 1 << 25, unwindTableBytes: 1 << 25 },
  ...{
    limits: { rawBytes: 1 << 25, bodyBytes: Infinity },
    logLevel: 'silent',
    hostRoot: undefined,
  },
}

type Options = { readonly unwind?: 'tables'; readonly offCpuThresholdNs?: number }

/** What was seen of the program's waits, and what it says of them itself, in nanoseconds by function. */
async function sampleWaits(
  flags: readonly string[] | undefined,
  options: Options,
  filterOf: (pid: number) => SampleFilter = () => ({}),
) {
  const program = start(compile('waits', directory, flags && [...flags, '-pthread']))
  const processor = new WindowProcessor(SETTINGS, silentLog())
  let loader: TableLoader | undefined
  const told = Promise.withResolvers<void>()
  const sampler: Sampler = await openSampler({
    ...{ frequencyHz: 99, log: silentLog(), niceness: 0, sources: [OFF_CPU] },
    ...options,
    filter: filterOf(program.pid),
    onProcess: (run) => {
      if (run.tgid !== program.pid) return
      processor.see({ ...run, isUnknownAddress: false })
      if (loader) loader.load(run).then(told.resolve, told.reject)
      else told.resolve()
    },
  })
  try {
    if (sampler.unwindTables) loader = new TableLoader(sampler.unwindTables)
    // It waits from here on, unless it is left out: then nobody tells of it.
    if (!filterOf(program.pid).excludedComms) await told.promise
    program.child.stdin?.write('.')
    const { output } = await program.ended
    sampler.stop()
    const window = await sampler.drain()
    const [waits] = window.beside ?? []
    if (!waits) throw new Error('no off-CPU samples')
    expect(unaccountedOf(window)).toBe(0)
    expect(unaccountedOf(waits)).toBe(0)
    expect([waits.dropped, waits.idle]).toEqual([{}, 0])
    const { filtered = 0 } = waits
    const { parts } = await processor.build(window)
    const rows: BatchRow[] = readProfile(parts[1]?.body ?? new Uint8Array())
    const own = Object.fromEntries(
      [...output.matchAll(/^(\w+) (\d+)$/gm)].map(([, name = '', ns]) => [name, Number(ns)]),
    )
    const ofProgram = rows.filter(({ labels }) => labels['service'] === 'waits')
    const seen = (name: string) =>
      ofProgram
        .filter(({ stack }) => stack.includes(name))
        .reduce((sum, { samples }) => sum + samples, 0)
    return { own, seen, ofProgram, rows, filtered }
  } finally {
    await sampler.close()
    await processor.close()
  }
}

describe.each([
  { name: 'frame pointers', flags: undefined, options: {} },
  { name: 'tables', flags: NO_FRAME_POINTERS, options: { unwind: 'tables' } },
] as const)('off-CPU stacks walked by $name', ({ flags, options }) => {
  test('hold the time that a program measures itself in each function it waits in', async () => {
    const { own, seen, ofProgram } = await sampleWaits(flags, options)
    for (const name of ['wait_by_sleep', 'wait_by_lock', 'wait_by_read']) {
      const share = seen(name) / (own[name] as number)
      // Its own clock also counts when it was preempted on the way there and back.
      expect(share, name).toBeGreaterThan(0.6)
      expect(share, name).toBeLessThanOrEqual(1)
    }
    // Three times 60 ms asked for, which a sleep never cuts short.
    expect(seen('wait_by_sleep')).toBeGreaterThan(3 * 59e6)
    const slept = ofProgram.find(({ stack }) => stack.includes('wait_by_sleep'))
    expect(slept?.stack[0]).toBe('hrtimer_nanosleep')
    expect(slept?.stack.indexOf('main')).toBeGreaterThan(slept?.stack.indexOf('wait_by_sleep') ?? 0)
  })
})

test('waits below the threshold are no samples', async () => {
  const { ofProgram } = await sampleWaits(undefined, { offCpuThresholdNs: 3_600e9 })
  expect(ofProgram).toEqual([])
})

test('waits of what is left out are counted as filtered, those of others are not there', async () => {
  const only = await sampleWaits(undefined, {}, (pid) => ({ pids: [pid] }))
  expect(only.seen('wait_by_sleep')).toBeGreaterThan(3 * 59e6)
  expect(new Set(only.rows.map(({ labels }) => labels['service']))).toEqual(new Set(['waits']))
  expect(only.filtered).toBeGreaterThan(0)
  const without = await sampleWaits(undefined, {}, () => ({ excludedComms: ['waits'] }))
  expect(without.ofProgram).toEqual([])
  expect(without.filtered).toBeGreaterThanOrEqual(9)
})

test('without BTF there are none, and it says why', async () => {
  await expect(
    openSampler({ frequencyHz: 99, log: silentLog(), forceNoBtf: true, sources: [OFF_CPU] }),
  ).rejects.toMatchObject({
    code: 'btf_missing',
    message: expect.stringContaining('Off-CPU profiles need BTF'),
    hint: expect.stringContaining('--off-cpu'),
  })
})
