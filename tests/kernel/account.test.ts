import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { loadLibbpf } from '../../collector/kernel/libbpf.ts'
import { closeFd } from '../../collector/kernel/libc.ts'
import type { MapSizes } from '../../collector/kernel/map-sizes.ts'
import type { UnwindMode } from '../../collector/kernel/program.ts'
import { openSampler, type Sampler } from '../../collector/kernel/sampler.ts'
import { STACK_COLLISION, STACK_ERROR, STACK_NO_MEMORY } from '../../collector/window.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { compile, requireRoot, start, temporaryDirectory } from './programs.ts'
import { TableLoader } from './table-loader.ts'
import { countOf, drainWhile, unaccountedOf } from './windows.ts'

const directory = temporaryDirectory()
let callTree = ''
let runTimes = -1

beforeAll(() => {
  callTree = compile('call-tree', directory)
  // With run times on, the kernel counts the runs of each program: the oracle of `taken`.
  if (process.getuid?.() === 0) runTimes = loadLibbpf().enableRunTimes()
})
afterAll(() => {
  if (runTimes >= 0) closeFd(runTimes)
})
beforeEach(requireRoot)

const WORK = '200000'

/**
 * Two processes with thousands of different stacks. With `sizes` all their samples are one window,
 * without they are drained as fast as it goes.
 */
async function sampleCallTrees(options: {
  frequencyHz: number
  sizes?: MapSizes
  forceNoBtf?: boolean
  unwind?: UnwindMode
}) {
  const pids = new Set<number>()
  let loader: TableLoader | undefined
  const sampler: Sampler = await openSampler({
    ...options,
    log: silentLog(),
    niceness: 0,
    onProcess: (run) => {
      // A process that is gone by now has no mappings to load.
      if (pids.has(run.tgid)) loader?.load(run).catch(() => undefined)
    },
  })
  if (sampler.unwindTables) loader = new TableLoader(sampler.unwindTables)
  expect(sampler.unwindTables === null).toBe(options.unwind !== 'tables')
  try {
    const trees = [start(callTree, [WORK, '1']), start(callTree, [WORK, '2'])]
    for (const { pid } of trees) pids.add(pid)
    const ended = Promise.all(trees.map((tree) => tree.ended))
    if (options.sizes) await ended
    const windows = await drainWhile(sampler, ended)
    const cpuNs = (await ended).reduce((sum, { output }) => sum + Number(output), 0)
    return { windows, cost: sampler.cost(), pids: [...pids], cpuNs }
  } finally {
    await sampler.close()
  }
}

describe('the account of samples', () => {
  test.each(
    (['frame-pointers', 'tables'] as const).flatMap((unwind) =>
      [99, 999, 4999].map((frequencyHz) => ({ unwind, frequencyHz })),
    ),
  )(
    'comes out even in every window at $frequencyHz Hz, walked by $unwind',
    async ({ unwind, frequencyHz }) => {
      const { windows, cost, pids, cpuNs } = await sampleCallTrees({ frequencyHz, unwind })
      for (const window of windows) {
        expect(unaccountedOf(window)).toBe(0)
        expect(window.dropped).toEqual({})
        expect(window.userStack).not.toContain(STACK_ERROR)
        expect(window.kernelStack).not.toContain(STACK_ERROR)
        expect(window.endMs).toBeGreaterThanOrEqual(window.startMs)
      }
      const taken = windows.reduce((sum, window) => sum + window.taken, 0)
      expect(taken).toBe(cost.runCount)
      expect(cost.runTimeNs).toBeGreaterThan(0)
      if (unwind === 'tables') expect(cost.unwindEnds.whole).toBeGreaterThan(0)

      // The samples of the two processes are their CPU time. A tick that falls into a change of a map on
      // the same CPU is left out by the kernel, and nothing here drains but all the time.
      const samples = pids.map((pid) => windows.reduce((sum, w) => sum + countOf(w, pid), 0))
      const share = samples.reduce((sum, n) => sum + n, 0) / ((cpuNs / 1e9) * frequencyHz)
      expect(share).toBeGreaterThan(0.5)
      expect(share).toBeLessThan(1.3)
    },
  )

  test('comes out even with the program for kernels without BTF', async () => {
    const { windows, cost, pids } = await sampleCallTrees({ frequencyHz: 999, forceNoBtf: true })
    for (const window of windows) {
      expect(unaccountedOf(window)).toBe(0)
      expect(window.startTimeNs.every((time) => time === 0n)).toBe(true)
    }
    expect(windows.reduce((sum, window) => sum + window.taken, 0)).toBe(cost.runCount)
    for (const pid of pids) expect(windows.some((w) => countOf(w, pid) > 0)).toBe(true)
  })
})

describe('stacks that find no place', () => {
  // 32 buckets for hundreds of stacks, and a ring for all samples of a slow machine's long window.
  const tiny = {
    ...{ stackEntries: 16, countEntries: 4096, besideEntries: 0 },
    ...{ overflowBytes: 1 << 24, readEveryMs: 60_000 },
  }

  test('come whole through the overflow ring and are counted once', async () => {
    const { windows, cost } = await sampleCallTrees({ frequencyHz: 999, sizes: tiny })
    expect(cost.overflowed).toBeGreaterThan(100)
    expect(Math.max(...windows.map((window) => window.stackEnd.length))).toBeGreaterThan(100)
    for (const window of windows) {
      expect(unaccountedOf(window)).toBe(0)
      expect(window.dropped).toEqual({})
      expect(window.userStack).not.toContain(STACK_COLLISION)
      expect(window.kernelStack).not.toContain(STACK_COLLISION)
      expect(new Set(rowTexts(window)).size).toBe(window.rows)
    }
  })

  test('come whole through the ring where they are walked by tables', async () => {
    const unwind = 'tables'
    const { windows, cost } = await sampleCallTrees({ frequencyHz: 999, sizes: tiny, unwind })
    expect(cost.overflowed).toBeGreaterThan(100)
    for (const window of windows) {
      expect(unaccountedOf(window)).toBe(0)
      expect(window.dropped).toEqual({})
      expect(window.userStack).not.toContain(STACK_NO_MEMORY)
      expect(new Set(rowTexts(window)).size).toBe(window.rows)
    }
  })

  test('are named as memory where they are walked by tables and the ring is full', async () => {
    const sizes = { ...tiny, overflowBytes: 4096 }
    const { windows } = await sampleCallTrees({ frequencyHz: 999, sizes, unwind: 'tables' })
    for (const window of windows) {
      expect(unaccountedOf(window)).toBe(0)
      expect(window.dropped).toEqual({})
    }
    expect(windows.some((window) => window.userStack.includes(STACK_NO_MEMORY))).toBe(true)
  })

  test('are named as collisions once the overflow ring is full, and their samples are kept', async () => {
    const sizes = { ...tiny, overflowBytes: 4096 }
    const { windows } = await sampleCallTrees({ frequencyHz: 4999, sizes })
    for (const window of windows) {
      expect(unaccountedOf(window)).toBe(0)
      expect(window.dropped).toEqual({})
    }
    expect(windows.some((window) => window.userStack.includes(STACK_COLLISION))).toBe(true)
  })

  test('are dropped under a name when the map of counts is full', async () => {
    const sizes = { ...tiny, stackEntries: 4096, countEntries: 8 }
    const { windows } = await sampleCallTrees({ frequencyHz: 999, sizes })
    for (const window of windows) expect(unaccountedOf(window)).toBe(0)
    const dropped = windows.reduce((sum, w) => sum + (w.dropped.counts_full ?? 0), 0)
    expect(dropped).toBeGreaterThan(0)
  })
})

test('big hosts: windows longer than the maps hold are read in between', async () => {
  const sizes = {
    ...{ stackEntries: 2048, countEntries: 4096, besideEntries: 0 },
    ...{ overflowBytes: 1 << 20, readEveryMs: 20 },
  }
  const sampler = await openSampler({ frequencyHz: 999, log: silentLog(), sizes, niceness: 0 })
  try {
    const { ended, pid } = start(callTree, [WORK])
    await ended
    sampler.stop()
    const window = await sampler.drain()
    expect(sampler.cost().readings).toBeGreaterThan(2)
    expect(unaccountedOf(window)).toBe(0)
    expect(countOf(window, pid)).toBeGreaterThan(50)
    expect(new Set(rowTexts(window)).size).toBe(window.rows)
  } finally {
    await sampler.close()
  }
})

function rowTexts(
  window: Awaited<ReturnType<typeof sampleCallTrees>>['windows'][number],
): string[] {
  return [...window.count.keys()].map((row) =>
    [
      window.tgid[row],
      window.startTimeNs[row],
      window.cgroupId[row],
      Buffer.from(window.comm.subarray(16 * row, 16 * row + 16)).toString('hex'),
      window.kernelStack[row],
      window.userStack[row],
    ].join(),
  )
}
