import { existsSync } from 'node:fs'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { WindowProcessor } from '../../collector/batch/window-processor.ts'
import { openSampler } from '../../collector/kernel/sampler.ts'
import { hookSource } from '../../collector/kernel/sources/hook.ts'
import { type HookName, parseHook } from '../../collector/kernel/sources/hook-name.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { readProfile } from '../fixtures/batch-rows.ts'
import { compile, requireRoot, start, temporaryDirectory } from './programs.ts'
import { unaccountedOf } from './windows.ts'

const directory = temporaryDirectory()
let program = ''
beforeAll(() => {
  program = compile('hooked', directory)
})
beforeEach(requireRoot)

const SETTINGS = {
  ...{ host: 'test-host', symbolCacheBytes: 1 << 25, unwindTableBytes: 1 << 25 },
  ...{
    limits: { rawBytes: 1 << 25, bodyBytes: Infinity },
    logLevel: 'silent',
    hostRoot: undefined,
  },
}

function hook(text: string): HookName {
  const parsed = parseHook(text)
  if (!parsed) throw new Error(`${text} is no hook`)
  return parsed
}

/** Counts by hook of the program that is started: by the functions in its stacks. */
async function countAt(hooks: readonly string[], options: { readonly forceNoBtf?: boolean } = {}) {
  const { child, pid, ended } = start(program)
  const processor = new WindowProcessor(SETTINGS, silentLog())
  const told = Promise.withResolvers<void>()
  const sampler = await openSampler({
    ...{ frequencyHz: 99, log: silentLog(), niceness: 0, filter: { pids: [pid] } },
    sources: hooks.map((text, index) => hookSource(hook(text), index)),
    ...options,
    onProcess: (run) => {
      processor.see({ ...run, isUnknownAddress: false })
      told.resolve()
    },
  })
  try {
    child.stdin?.write('.')
    await told.promise
    child.stdin?.write('.')
    await ended
    sampler.stop()
    const window = await sampler.drain()
    expect(unaccountedOf(window)).toBe(0)
    let missed = 0
    for (const rows of window.beside ?? []) {
      expect(unaccountedOf(rows)).toBe(0)
      const { recursion = 0, ...others } = rows.dropped
      expect(others).toEqual({})
      missed += recursion
    }
    const { parts } = await processor.build(window)
    const counts = hooks.map(() => new Map<string, number>())
    for (const [i, { body }] of parts.slice(1).entries())
      for (const { stack, samples } of readProfile(body))
        for (const name of new Set(stack))
          counts[i]?.set(name, (counts[i]?.get(name) ?? 0) + samples)
    return { counts, missed, kinds: window.beside?.map(({ kind }) => kind) }
  } finally {
    await sampler.close()
    await processor.close()
  }
}

describe.each([
  { name: 'BTF', options: {} },
  { name: 'the program without BTF', options: { forceNoBtf: true } },
])('with $name', ({ options }) => {
  test('a hook counts exactly, with the stacks that led there, each hook as a type of its own', async () => {
    const hooks = [`uprobe:${program}:hooked`, 'tracepoint:syscalls:sys_enter_getppid']
    const { counts, missed, kinds } = await countAt(hooks, options)
    expect(kinds).toEqual([
      {
        sample: { type: 'uprobe/hooked/hooked', unit: 'count' },
        period: { type: { type: 'event', unit: 'count' }, value: 1 },
      },
      expect.objectContaining({
        sample: { type: 'tracepoint/syscalls/sys_enter_getppid', unit: 'count' },
      }),
    ])
    const [probe, tracepoint] = counts
    // The entry of a function has no frame yet: by frame pointers its caller is hidden, not main.
    expect(probe?.get('hooked')).toBe(320)
    expect(probe?.get('main')).toBe(320)
    // What the kernel leaves out while a map is changed on that CPU is counted as such.
    expect(tracepoint?.get('main')).toBeLessThanOrEqual(500)
    expect((tracepoint?.get('main') ?? 0) + missed).toBeGreaterThanOrEqual(500)
  })
})

describe('a hook that is none says so, with names near it', () => {
  test.each([
    ['tracepoint:sched:sched_swich', 'there is no sched:sched_swich', 'sched:sched_switch'],
    ['tracepoint:nothing:like_it_at_all', 'there is no nothing:like_it_at_all', 'There is none'],
    ['uprobe:PROGRAM:hoked', 'there is no hoked', 'Near it: hooked.'],
    ['uprobe:/etc/passwd:main', 'the file is no ELF file', '/proc/PID/root/PATH'],
    ['uprobe:/not/there:main', 'the file cannot be read', '/proc/PID/root/PATH'],
  ])('%s', async (text, message, hint) => {
    const source = hookSource(hook(text.replace('PROGRAM', program)), 0)
    await expect(
      openSampler({ frequencyHz: 99, log: silentLog(), sources: [source] }),
    ).rejects.toMatchObject({
      code: 'option_invalid',
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    })
  })

  test('a kprobe where the kernel has none, or none of that name', async () => {
    const source = hookSource(hook('kprobe:vfs_raed'), 0)
    const hasKprobes = existsSync('/sys/bus/event_source/devices/kprobe')
    await expect(
      openSampler({ frequencyHz: 99, log: silentLog(), sources: [source] }),
    ).rejects.toMatchObject(
      hasKprobes
        ? { code: 'option_invalid', hint: expect.stringContaining('vfs_read') }
        : { code: 'kernel_unsupported', message: expect.stringContaining('has no kprobes') },
    )
  })
})
