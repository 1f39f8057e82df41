import { readlinkSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { WindowProcessor } from '../../collector/batch/window-processor.ts'
import { openSampler } from '../../collector/kernel/sampler.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { readProfile } from '../fixtures/batch-rows.ts'
import { compile, requireRoot, start, temporaryDirectory } from './programs.ts'

const directory = temporaryDirectory()
beforeEach(requireRoot)

const SETTINGS = {
  ...{ host: 'test-host', symbolCacheBytes: 1 << 25, unwindTableBytes: 1 << 25 },
  ...{
    limits: { bodyBytes: Infinity, rawBytes: 1 << 25 },
    logLevel: 'silent',
    hostRoot: undefined,
  },
}

function build(name: string, flags: readonly string[] = []): string {
  const path = join(directory, name)
  renameSync(compile('executes', directory, ['-O0', '-fno-omit-frame-pointer', ...flags]), path)
  return path
}

test('samples before and after an exec within a window have the names of their own programs', async () => {
  const first = build('first-program')
  const last = build('last-program', ['-DLAST'])
  const told = new Set<(pid: number) => void>()
  const runs = (pid: number, program: string) =>
    new Promise<void>((resolve) => {
      told.add((tgid) => {
        if (tgid === pid && readlinkSync(`/proc/${pid}/exe`) === program) resolve()
      })
    })
  const processor = new WindowProcessor(SETTINGS, silentLog())
  const sampler = await openSampler({
    frequencyHz: 999,
    log: silentLog(),
    niceness: 0,
    onProcess: (run) => {
      processor.see({ ...run, isUnknownAddress: false })
      for (const waiting of told) waiting(run.tgid)
    },
  })
  try {
    const { child, pid, ended } = start(first, ['150', last, '150', '-'])
    // Each goes on when it has been told of, as it does on a machine with time to spare.
    for (const program of [first, last]) {
      await runs(pid, program)
      child.stdin?.write('.')
    }
    await ended
    sampler.stop()
    const window = await sampler.drain()
    const programs = new Set(
      [...window.tgid.keys()]
        .filter((row) => window.tgid[row] === pid)
        .map((row) => window.program[row]),
    )
    expect(programs.size).toBeGreaterThanOrEqual(2)
    const { parts } = await processor.build(window)
    const rows = parts.flatMap(({ body }) => readProfile(body))
    const samplesIn = (service: string, frame: string) =>
      rows
        .filter(({ labels, stack }) => labels['service'] === service && stack.includes(frame))
        .reduce((sum, { samples }) => sum + samples, 0)
    expect(samplesIn('first-program', 'works_before')).toBeGreaterThan(50)
    expect(samplesIn('last-program', 'works_after')).toBeGreaterThan(50)
    // Where a program is not known its addresses are not named by another.
    expect(samplesIn('first-program', 'works_after')).toBe(0)
    expect(samplesIn('last-program', 'works_before')).toBe(0)
    const named = rows.filter(({ labels }) => labels['comm'] === 'all-the-same')
    for (const { labels, stack } of named)
      if (stack.some((name) => name.startsWith('works_')))
        expect(labels['service']).toMatch(/-program$/)
  } finally {
    await sampler.close()
    await processor.close()
  }
})
