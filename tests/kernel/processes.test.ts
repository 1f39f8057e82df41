import { readFileSync } from 'node:fs'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import type { SampledProcess } from '../../collector/kernel/process-events.ts'
import { openSampler } from '../../collector/kernel/sampler.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { compile, requireRoot, start, temporaryDirectory } from './programs.ts'
import { drainWhile, rowsOf } from './windows.ts'

const directory = temporaryDirectory()
beforeAll(() => {
  for (const name of ['ladder', 'call-tree']) compile(name, directory)
})
beforeEach(requireRoot)

/** Tells the test of processes as they come. */
function processFeed() {
  const waiting: { pid: number; resolve: (process: SampledProcess) => void }[] = []
  return {
    onProcess: (process: SampledProcess) => {
      for (const { pid, resolve } of waiting) if (pid === process.tgid) resolve(process)
    },
    next: (pid: number) =>
      new Promise<SampledProcess>((resolve) => {
        waiting.push({ pid, resolve })
      }),
  }
}

test('a process is told of at its first sample, with the start time /proc gives it', async () => {
  const feed = processFeed()
  const { onProcess } = feed
  const sampler = await openSampler({ frequencyHz: 99, log: silentLog(), niceness: 0, onProcess })
  try {
    const { child, pid, ended } = start(`${directory}/ladder`, ['3'])
    const { startTimeNs } = await feed.next(pid)
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // Field 22, in ticks of 10 ms; the name in field 2 may hold blanks.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    expect(startTimeNs / 10_000_000n).toBe(BigInt(ticks ?? 0))
    child.stdin?.end()
    const windows = await drainWhile(sampler, ended)
    for (const window of windows)
      for (const row of rowsOf(window, pid)) expect(window.startTimeNs[row]).toBe(startTimeNs)
    expect(sampler.cost().eventsLost).toBe(0)
  } finally {
    await sampler.close()
  }
})

test('a process is told of again when it has executed another program', async () => {
  const feed = processFeed()
  const { onProcess } = feed
  const sampler = await openSampler({ frequencyHz: 99, log: silentLog(), niceness: 0, onProcess })
  try {
    // The shell works until it is told of, then becomes the ladder.
    const script = `while ! read -t 0 line; do i=0; while [ $i -lt 1000 ]; do i=$((i+1)); done; done; exec ${directory}/ladder 3`
    const { child, pid, ended } = start('bash', ['-c', script])
    const first = await feed.next(pid)
    const told = feed.next(pid)
    child.stdin?.write('go\n')
    const { program, ...process } = await told
    expect(first).toMatchObject(process)
    expect(program).not.toBe(first.program)
    expect(readFileSync(`/proc/${pid}/comm`, 'latin1')).toBe('ladder\n')
    child.stdin?.end()
    await ended
  } finally {
    await sampler.close()
  }
})
