import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { unaccounted } from '../../infra/contract/account.ts'
import { findLabelFault } from '../../infra/contract/labels.ts'
import { readRows } from '../fixtures/batch-rows.ts'
import { BatchSink } from '../fixtures/batch-sink.ts'
import { eventually } from '../fixtures/eventually.ts'
import { compileFixture, scriptFixture } from '../fixtures/programs/build.ts'
import { requireRoot } from './programs.ts'

// `flamewatch collect` as a user starts it, sampling this machine, with a server of our own.

const LAUNCHER = fileURLToPath(new URL('../../infra/cli/flamewatch.sh', import.meta.url))

let directory: string
let sink: BatchSink
let children: ChildProcess[]

beforeEach(requireRoot)
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'collector-'))
  sink = new BatchSink()
  children = []
})
afterEach(async () => {
  for (const child of children) await end(child, 'SIGKILL')
  await sink?.close()
  rmSync(directory, { recursive: true })
})

function start(command: string, args: readonly string[], environment = {}): ChildProcess {
  const child = spawn(command, args, {
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  children.push(child)
  return child
}

function collect(): ChildProcess {
  const spool = join(directory, 'spool')
  const options = ['--server', sink.url, '--spool', spool, '--window', '1s', '--host', 'test-host']
  return start('sh', [LAUNCHER, 'collect', ...options])
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal)
    await once(child, 'exit')
  }
  return child.exitCode
}

function spooled(): number {
  try {
    return readdirSync(join(directory, 'spool')).filter((file) => file.endsWith('.batch')).length
  } catch {
    return 0 // Not there before the collector is.
  }
}

test('whatever was spooled before kill -9 arrives once, and every sample is accounted for', async () => {
  // Once for its port, which the collector is told, while nobody listens there.
  await sink.listen()
  await sink.close()
  const killed = collect()
  await eventually('three spooled batches', async () => spooled() >= 3)
  await end(killed, 'SIGKILL')
  const left = spooled()
  expect(left).toBeGreaterThanOrEqual(3)

  await sink.listen()
  const second = collect()
  await eventually('batches of both lives', async () => sink.batches.size >= left + 2)
  expect(await end(second, 'SIGTERM')).toBe(0)

  expect(spooled()).toBe(0)
  expect(sink.faults).toEqual([])
  const batches = sink.sorted()
  expect(batches.map(({ headers }) => headers.sequence)).toEqual(batches.map((_, i) => i + 1))
  expect(new Set(batches.map(({ headers }) => headers.collector)).size).toBe(1)
  for (const batch of batches) {
    const { account, host } = batch.headers
    expect(unaccounted(account)).toBe(0)
    expect(host).toBe('test-host')
    expect(readRows(batch).reduce((sum, { samples }) => sum + samples, 0)).toBe(account.kept)
  }
})

test('programs are named by what they are, and their frames by their symbols', async () => {
  await sink.listen()
  const collector = collect()
  await eventually('a first batch', async () => sink.batches.size >= 1)

  start(compileFixture('busy-fp'), ['-'])
  // An interpreter whose name says nothing: the service is the script.
  mkdirSync(join(directory, 'app'))
  symlinkSync(scriptFixture('busy.py'), join(directory, 'app/checkout.py'))
  start('python3', [join(directory, 'app/checkout.py'), '-'])
  start(compileFixture('busy-nofp'), ['-'], {
    OTEL_SERVICE_NAME: 'renamed',
    OTEL_RESOURCE_ATTRIBUTES: 'service.version=4.2.0%2Brc1,deployment.environment=test',
  })
  const rowsOf = (service: string) =>
    sink
      .sorted()
      .flatMap(readRows)
      .filter(({ labels }) => labels['service'] === service)
  const samplesOf = (service: string) =>
    rowsOf(service).reduce((sum, { samples }) => sum + samples, 0)
  await eventually('samples of all three', async () =>
    ['busy-fp', 'checkout', 'renamed'].every((service) => samplesOf(service) >= 50),
  )
  await end(collector, 'SIGTERM')

  for (const { labels } of sink.sorted().flatMap(readRows)) {
    expect(findLabelFault(labels)).toBeNull()
    expect(labels['host']).toBe('test-host')
  }
  const native = rowsOf('busy-fp')
  expect(native.every(({ labels }) => /^[0-9a-f]{12}$/.test(labels['version'] ?? ''))).toBe(true)
  const whole = native.filter(({ stack }) => stack.join().includes('burn,heavy,work,main'))
  expect(whole.length).toBeGreaterThan(0)
  expect(rowsOf('checkout')[0]?.labels).toMatchObject({
    version: expect.stringMatching(/^[0-9a-f]{12}$/),
  })
  expect(rowsOf('renamed')[0]?.labels).toMatchObject({ version: '4.2.0+rc1', comm: 'busy-nofp' })
  const kernel = sink
    .sorted()
    .flatMap(readRows)
    .filter(({ labels }) => labels['service'] === 'kernel')
  for (const { labels } of kernel) expect(labels['version']).toBe(release())
})
