import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { Profile } from 'pprof-format'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSampler } from '../../collector/kernel/sampler.ts'
import { unaccounted } from '../../infra/contract/account.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { BatchSink, type SunkBatch } from '../fixtures/batch-sink.ts'
import { ticksOf } from '../fixtures/cpu-ticks.ts'
import { eventually } from '../fixtures/eventually.ts'
import { compileFixture } from '../fixtures/programs/build.ts'
import { requireRoot } from './programs.ts'
import { unaccountedOf } from './windows.ts'

const LAUNCHER = fileURLToPath(new URL('../../infra/cli/flamewatch.sh', import.meta.url))

// Nine steps of two windows each, where many others may want the processor.
const PATIENCE_MS = 150_000

let directory: string
let sink: BatchSink
let children: ChildProcess[]

beforeEach(requireRoot)
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ceilings-'))
  sink = new BatchSink()
  children = []
})
afterEach(async () => {
  for (const child of children) await end(child, 'SIGKILL')
  await sink?.close()
  rmSync(directory, { recursive: true })
})

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}

function frequencyOf({ body }: SunkBatch): number {
  return Math.round(1e9 / Number(Profile.decode(gunzipSync(body)).period))
}

test(
  'a collector over its ceiling cuts its caches, then samples less, and says so in its batches',
  async () => {
    await sink.listen()
    const options = ['--server', sink.url, '--spool', join(directory, 'spool'), '--window', '1s']
    // Less than the process takes when it does nothing: every step is taken, one after another.
    const arguments_ = [
      LAUNCHER,
      'collect',
      ...options,
      '--max-memory',
      '48MB',
      '--metrics',
      '127.0.0.1:0',
    ]
    const child = spawn('sh', arguments_, { stdio: ['ignore', 'ignore', 'pipe'] })
    children.push(child)
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    await eventually(
      'a quarter of the frequency',
      async () => sink.sorted().some((batch) => frequencyOf(batch) <= 25),
      PATIENCE_MS,
    )
    const url = /metrics are at (\S+)/.exec(said)?.[1] ?? ''
    const metrics = await (await fetch(url)).text()
    await end(child, 'SIGTERM')

    const batches = sink.sorted()
    for (const { headers } of batches) expect(unaccounted(headers.account)).toBe(0)
    const noted = batches.map(({ headers }) => headers.notes.join(' '))
    expect(
      noted.findIndex((notes) => notes.includes('of its symbols and unwind tables')),
    ).toBeLessThan(noted.findIndex((notes) => notes.includes('of 99 Hz')))
    expect(metrics).toMatch(/^flamewatch_ceiling_steps\{ceiling="memory"\} [4-9]$/m)
    expect(metrics).toMatch(/^flamewatch_memory_bytes [1-9]/m)
    expect(said).toContain('ceiling changed what is taken')
    expect(sink.faults).toEqual([])
  },
  2 * PATIENCE_MS,
)

test('a change of frequency begins with a window, and loses no sample', async () => {
  const busy = spawn(compileFixture('busy-fp'), ['-'], { stdio: ['pipe', 'ignore', 'inherit'] })
  children.push(busy)
  const sampler = await openSampler({ frequencyHz: 999, log: silentLog() })
  try {
    const samplesPerSecond: number[] = []
    const frequencies: number[] = []
    for (const [n, hertz] of [
      [0, 99],
      [1, 999],
      [2, 999],
    ] as const) {
      await eventually('a window of some length', async () => isBusyFor(busy, 20 * (n + 1)))
      sampler.setFrequency(hertz)
      const window = await sampler.drain()
      expect(unaccountedOf(window)).toBe(0)
      frequencies.push(window.frequencyHz)
      const seconds = (window.endMs - window.startMs) / 1000
      samplesPerSecond.push((window.taken - window.idle) / seconds)
    }
    expect(frequencies).toEqual([999, 99, 999])
    // At most one sample per tick and CPU; what the machine does beside is sampled as well.
    const [first = 0, second = 0, third = 0] = samplesPerSecond
    expect(second).toBeLessThan(first / 2)
    expect(third).toBeGreaterThan(2 * second)
  } finally {
    await sampler.close()
  }
})

function isBusyFor({ pid }: ChildProcess, ticks: number): boolean {
  return ticksOf(pid ?? -1) >= ticks
}
