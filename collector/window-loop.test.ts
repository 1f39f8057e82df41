import { beforeEach, expect, test } from 'vitest'
import type { Account, DropReason } from '../infra/contract/account.ts'
import { unaccounted } from '../infra/contract/account.ts'
import { silentLog } from '../infra/runtime/log.ts'
import { createMetrics } from '../infra/runtime/metrics.ts'
import type { BuiltBatch } from './batch/worker-messages.ts'
import { createCollectorMetrics } from './collector-metrics.ts'
import type { NewBatch } from './spool/spool.ts'
import type { SampleWindow } from './window.ts'
import type { WindowLoopOptions } from './window-loop.ts'
import { WindowLoop } from './window-loop.ts'

const NOW = 1_700_000_000_000

function windowOf(kept: number, times: Partial<SampleWindow> = {}): SampleWindow {
  return {
    startMs: NOW,
    endMs: NOW + 10_000,
    frequencyHz: 99,
    taken: kept + 5,
    idle: 3,
    dropped: { counts_full: 2 },
    rows: 1,
    tgid: new Uint32Array(1),
    startTimeNs: new BigUint64Array(1),
    program: new Uint32Array(1),
    cgroupId: new BigUint64Array(1),
    comm: new Uint8Array(16),
    kernelThread: new Uint8Array(1),
    count: Uint32Array.of(kept),
    kernelStack: new Int32Array(1),
    userStack: new Int32Array(1),
    stackEnd: new Uint32Array(0),
    addresses: new BigUint64Array(0),
    ...times,
  }
}

function batchOf({ taken, idle, dropped, count }: SampleWindow): BuiltBatch {
  const account = { taken, idle, kept: count[0] as number, dropped, faults: {} }
  const part = { body: new Uint8Array([1]), rawBytes: 1, account }
  const cacheBytes = { files: 1, jit: 2, kernel: 3 }
  return {
    ...{ parts: [part], symbolizeMs: 1, encodeMs: 1, processes: 1, recordsLost: 0, cacheBytes },
    notes: ['another'],
  }
}

let events: string[]
let added: NewBatch[]
let lost: [Account, DropReason][]
let windows: (SampleWindow | Error)[]
let build: (window: SampleWindow) => Promise<BuiltBatch>
let tick: () => void
let stop: AbortController
let running: Promise<void>

beforeEach(() => {
  events = []
  added = []
  lost = []
  windows = []
  build = async (window) => batchOf(window)
  stop = new AbortController()
})

function run(options: Partial<WindowLoopOptions> = {}): void {
  const loop = new WindowLoop({
    source: {
      notes: ['a note'],
      async drain() {
        events.push('drain')
        const window = windows.shift() ?? windowOf(0)
        if (window instanceof Error) throw window
        return window
      },
      stop: () => events.push('stop'),
    },
    worker: {
      build(window) {
        events.push(`build ${window.count[0]}`)
        return build(window)
      },
    },
    notes: () => ['of the machine'],
    sink: {
      async add(batch) {
        added.push(batch)
      },
      async lose(account, reason) {
        lost.push([account, reason])
      },
    },
    host: 'web-1',
    windowMs: 10_000,
    log: silentLog(),
    metrics: createCollectorMetrics(createMetrics()),
    onBatch: () => events.push('batch'),
    onHealth: (fault) => events.push(`health ${fault}`),
    sleep: (_, signal) =>
      new Promise((resolve) => {
        tick = resolve
        signal.addEventListener('abort', () => resolve())
      }),
    ...options,
  })
  running = loop.run(stop.signal)
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

async function passWindow(): Promise<void> {
  tick()
  await settle()
}

test('delivers every window, and at the end the one that has begun', async () => {
  windows = [windowOf(1), windowOf(2), windowOf(3)]
  run()
  await passWindow()
  await passWindow()
  stop.abort()
  await running
  expect(events).toEqual([
    ...['drain', 'build 1', 'batch', 'drain', 'build 2', 'batch'],
    ...['stop', 'drain', 'build 3', 'batch'],
  ])
  expect(added.map(({ account }) => account.kept)).toEqual([1, 2, 3])
  expect(added[0]).toEqual({
    host: 'web-1',
    windowStart: NOW,
    windowEnd: NOW + 10_000,
    notes: ['a note', 'of the machine', 'another'],
    account: { taken: 6, idle: 3, kept: 1, dropped: { counts_full: 2 }, faults: {} },
    body: new Uint8Array([1]),
  })
})

test('drains on time while the worker is late, and has it build one window at a time', async () => {
  const first = Promise.withResolvers<void>()
  build = async (window) => {
    if (window.count[0] === 1) await first.promise
    return batchOf(window)
  }
  windows = [windowOf(1), windowOf(2)]
  run()
  await passWindow()
  await passWindow()
  expect(events).toEqual(['drain', 'build 1', 'drain'])
  first.resolve()
  await settle()
  expect(events.slice(3)).toEqual(['batch', 'build 2', 'batch'])
  stop.abort()
  await running
})

test('counts the samples of a window that could not be built', async () => {
  build = async () => {
    throw new Error('worker ended')
  }
  windows = [windowOf(7)]
  run()
  await passWindow()
  expect(lost).toEqual([
    [{ taken: 12, idle: 3, kept: 7, dropped: { counts_full: 2 }, faults: {} }, 'drain_error'],
  ])
  expect(unaccounted((lost[0] as [Account, DropReason])[0])).toBe(0)
  expect(events.at(-1)).toBe('batch')
  stop.abort()
  await running
})

test('knows the samples also when the columns are with a worker that ended', async () => {
  build = async (window) => {
    structuredClone(window, { transfer: [window.count.buffer as ArrayBuffer] })
    throw new Error('worker ended')
  }
  windows = [windowOf(7)]
  run()
  await passWindow()
  expect(lost[0]?.[0].kept).toBe(7)
  stop.abort()
  await running
})

test('goes on after a drain that failed, and says when it fails again and again', async () => {
  const failure = new Error('no generation')
  windows = [failure, failure, failure, failure, windowOf(1)]
  run()
  for (let i = 0; i < 5; i++) await passWindow()
  expect(events).toEqual([
    ...['drain', 'drain', 'drain', 'health no generation', 'drain'],
    ...['drain', 'health null', 'build 1', 'batch'],
  ])
  stop.abort()
  await running
})

test.each([
  ['set back', NOW + 5000, NOW - 60_000, NOW - 60_001, NOW - 60_000],
  ['standing still', NOW, NOW, NOW - 1, NOW],
  [
    'gone on while the machine slept',
    NOW,
    NOW + 9 * 3_600_000,
    NOW + 8 * 3_600_000,
    NOW + 9 * 3_600_000,
  ],
  ['told in fractions', NOW + 0.4, NOW + 999.6, NOW, NOW + 1000],
])(
  'keeps the times of a batch within the contract with a clock %s',
  async (_, startMs, endMs, start, end) => {
    windows = [windowOf(1, { startMs, endMs })]
    run()
    await passWindow()
    expect(added[0]).toMatchObject({ windowStart: start, windowEnd: end })
    stop.abort()
    await running
  },
)
