import { mkdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { SampleFilter } from '../../collector/kernel/filter.ts'
import { openSampler } from '../../collector/kernel/sampler.ts'
import { findCgroupMounts } from '../../collector/process/cgroup-mounts.ts'
import { chooseSampling } from '../../collector/sampling-choice.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { compile, requireRoot, start, temporaryDirectory } from './programs.ts'
import { countOf, drainWhile, unaccountedOf } from './windows.ts'

const directory = temporaryDirectory()
let callTree = ''
beforeAll(() => {
  callTree = compile('call-tree', directory)
})
beforeEach(requireRoot)

const WORK = '100000'
const NOTHING = { onlyPid: [], excludeComm: [], offCpu: false, offCpuThreshold: 1e6, event: [] }

type Options = { readonly forceNoBtf?: boolean; readonly unwind?: 'tables' }

/** Samples of two equal programs, of which a filter keeps one. */
async function sampleTwo(
  filterOf: (pids: [kept: number, left: number]) => SampleFilter,
  options: Options,
  startTwo = () => [start(callTree, [WORK]), start(callTree, [WORK])] as const,
) {
  // Nothing runs before it is known whom to sample.
  const programs = startTwo()
  const pids: [number, number] = [programs[0].pid, programs[1].pid]
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  const sampler = await openSampler({
    frequencyHz: 999,
    log: silentLog(),
    niceness: 0,
    filter: filterOf(pids),
    ...options,
  })
  try {
    for (const pid of pids) process.kill(pid, 'SIGCONT')
    const ended = Promise.all(programs.map((program) => program.ended))
    const windows = await drainWhile(sampler, ended)
    for (const window of windows) {
      expect(unaccountedOf(window)).toBe(0)
      expect(window.dropped).toEqual({})
    }
    const sum = (of: (window: (typeof windows)[number]) => number) =>
      windows.reduce((total, window) => total + of(window), 0)
    return {
      kept: sum((window) => countOf(window, pids[0])),
      left: sum((window) => countOf(window, pids[1])),
      all: sum((window) => countOf(window)),
      filtered: sum((window) => window.filtered ?? 0),
    }
  } finally {
    await sampler.close()
  }
}

describe.each([
  { name: 'tables', options: { unwind: 'tables' } },
  { name: 'frame pointers', options: {} },
  { name: 'the program without BTF', options: { forceNoBtf: true } },
] as const)('in the kernel, with $name', ({ options }) => {
  test('only the processes asked for are sampled, and the rest is counted as filtered', async () => {
    const { kept, left, all, filtered } = await sampleTwo(([pid]) => ({ pids: [pid] }), options)
    expect(kept).toBeGreaterThan(20)
    expect([left, all]).toEqual([0, kept])
    expect(filtered).toBeGreaterThan(20)
  })

  test('threads of a name are left out', async () => {
    const other = compile('ladder', directory)
    const startTwo = () => {
      const ladder = start(other, ['3'])
      ladder.child.stdin?.end()
      return [start(callTree, [WORK]), ladder] as const
    }
    const filter = { excludedComms: ['ladder', 'node'] }
    const { kept, left } = await sampleTwo(() => filter, options, startTwo)
    expect(kept).toBeGreaterThan(20)
    expect(left).toBe(0)
  })
})

describe('a cgroup', () => {
  const mount = findCgroupMounts().find(({ hierarchy }) => hierarchy === 0)?.directory ?? ''
  const parent = join(mount, `flamewatch-test-${process.pid}`)
  const child = join(parent, 'child')

  beforeAll(() => {
    if (process.getuid?.() === 0) mkdirSync(child, { recursive: true })
  })
  afterAll(() => {
    if (process.getuid?.() !== 0) return
    rmdirSync(child)
    rmdirSync(parent)
  })

  test.each([
    ['its directory', () => parent],
    ['its path as /proc/PID/cgroup has it', () => parent.slice(mount.length)],
    ['its id', () => String(statSync(parent).ino)],
  ])('given by %s is sampled with all below it', async (_, given) => {
    const { filter = {} } = chooseSampling({ ...NOTHING, onlyCgroup: given() })
    const filterOf = ([pid]: [number, number]) => {
      writeFileSync(join(child, 'cgroup.procs'), String(pid))
      return filter
    }
    const { kept, left, all, filtered } = await sampleTwo(filterOf, {})
    expect(kept).toBeGreaterThan(20)
    expect([left, all]).toEqual([0, kept])
    expect(filtered).toBeGreaterThan(20)
  })

  test('that is none is refused with what to do', async () => {
    expect(() => chooseSampling({ ...NOTHING, onlyCgroup: '1234567890' })).toThrow(
      'there is no cgroup with id 1234567890',
    )
    for (const cgroup of [join(mount, 'not-there'), '/tmp'])
      await expect(
        openSampler({ frequencyHz: 99, log: silentLog(), filter: { cgroup } }),
      ).rejects.toMatchObject({ code: 'option_invalid', message: expect.stringContaining(cgroup) })
  })
})
