import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { ControlGroup } from './control-group.ts'
import {
  FREQUENCY_HZ,
  type ProfilerResult,
  peakBytesOf,
  StackShares,
  startIn,
  stop,
} from './profiler.ts'

const RECORDED_MS = 10_000
// perf asks a program for each source line: of DWARF stacks it reads minutes. What it read until then counts.
const LONGEST_READING_MS = 30_000

/** `perf record`, all processes. */
export async function measurePerf(callGraph: 'fp' | 'dwarf'): Promise<ProfilerResult> {
  const directory = mkdtempSync(join(tmpdir(), 'flamewatch-perf-'))
  const file = join(directory, 'perf.data')
  const group = new ControlGroup()
  const reading = new ControlGroup()
  try {
    const record = startIn(group, [
      // Without build ids: at its end it would read all it wrote once more.
      ...['perf', 'record', '-q', '-B', '-N', '-a', '-e', 'cpu-clock', '-F', `${FREQUENCY_HZ}`],
      ...['--call-graph', callGraph, '-o', file],
    ])
    await setTimeout(RECORDED_MS)
    const cpuSeconds = group.cpuSeconds()
    const peakBytes = peakBytesOf(record.pid as number)
    await stop(record, 'SIGINT')
    const { shares, lost, isWhole } = await readStacks(file, reading)
    const megabytes = (statSync(file).size / 1e6).toFixed(1)
    return {
      name: `perf record --call-graph ${callGraph}`,
      cpuSecondsPer10s: (cpuSeconds * 10_000) / RECORDED_MS,
      readingSecondsPer10s: (reading.cpuSeconds() * 10_000) / RECORDED_MS,
      peakBytes,
      ...{ mapBytes: null, kernelNsPerSample: null },
      samples: shares.samples,
      wholeShare: shares.wholeShare,
      namedShare: shares.namedShare,
      // What it lost it says.
      unaccounted: lost,
      note: `${megabytes} MB of file${isWhole ? '' : '; its reading was ended after 30 s'}`,
    }
  } finally {
    group.close()
    reading.close()
    rmSync(directory, { recursive: true })
  }
}

async function readStacks(file: string, group: ControlGroup) {
  const fields = 'comm,pid,event,ip,sym'
  const command = ['perf', 'script', '-i', file, '-F', fields, '--no-inline', '--show-lost-events']
  const script = spawn('sh', ['-c', `${group.enter}; exec "$@"`, 'sh', ...command], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = once(script, 'exit')
  let isWhole = true
  const limit = globalThis.setTimeout(() => {
    isWhole = false
    script.kill('SIGKILL')
    // What it started may hold the pipe open.
    script.stdout.destroy()
  }, LONGEST_READING_MS)
  const shares = new StackShares()
  let lost = 0
  let names: string[] = []
  // A line of the event, one a frame, leaf first, an empty one: "	    7f12345 name" or "[unknown]".
  for await (const line of createInterface({ input: script.stdout })) {
    const [, name] = /^\s+[0-9a-f]+ (.*)$/.exec(line) ?? []
    if (name !== undefined) names.push(name === '[unknown]' ? '' : name)
    else if (line === '') {
      if (names.length > 0) shares.add(names, 1)
      names = []
    }
    lost += Number(/PERF_RECORD_LOST.* lost (\d+)/.exec(line)?.[1] ?? 0)
  }
  await ended
  clearTimeout(limit)
  return { shares, lost, isWhole }
}
