import { expect, test } from 'vitest'
import type { ProcessImage, SampledProcess } from '../process/process-image.ts'
import type { Frame } from '../symbolize/frame.ts'
import { makeFrame, UNKNOWN_FRAME } from '../symbolize/frames.ts'
import type { SampleWindow } from '../window.ts'
import {
  STACK_ABSENT,
  STACK_COLLISION,
  STACK_ERROR,
  STACK_NO_MEMORY,
  STACK_UNREADABLE,
} from '../window.ts'
import { mergeWindow } from './merge-window.ts'
import type { BatchSamples } from './sample-merger.ts'

type Row = {
  readonly tgid?: number
  readonly comm?: string
  readonly kernelThread?: boolean
  readonly count: number
  /** Leaf first, or a STACK_ constant. */
  readonly kernel?: number | readonly bigint[]
  readonly user?: number | readonly bigint[]
}

function windowOf(rows: readonly Row[]): SampleWindow {
  const addresses: bigint[] = []
  const stackEnd: number[] = []
  const indexOf = (stack: number | readonly bigint[] = STACK_ABSENT) => {
    if (typeof stack === 'number') return stack
    addresses.push(...stack)
    return stackEnd.push(addresses.length) - 1
  }
  const kernelStack = Int32Array.from(rows, ({ kernel }) => indexOf(kernel))
  const userStack = Int32Array.from(rows, ({ user }) => indexOf(user))
  const kept = rows.reduce((sum, { count }) => sum + count, 0)
  const comm = Buffer.alloc(16 * rows.length)
  for (const [i, row] of rows.entries()) comm.write(row.comm ?? 'app', 16 * i)
  return {
    startMs: 1000,
    endMs: 11_000,
    frequencyHz: 100,
    taken: kept,
    idle: 0,
    dropped: {},
    rows: rows.length,
    tgid: Uint32Array.from(rows, ({ tgid }) => tgid ?? 1),
    startTimeNs: new BigUint64Array(rows.length),
    program: new Uint32Array(rows.length),
    cgroupId: new BigUint64Array(rows.length),
    comm: new Uint8Array(comm),
    kernelThread: Uint8Array.from(rows, ({ kernelThread }) => (kernelThread ? 1 : 0)),
    count: Uint32Array.from(rows, ({ count }) => count),
    kernelStack,
    userStack,
    stackEnd: Uint32Array.from(stackEnd),
    addresses: BigUint64Array.from(addresses),
  }
}

// User addresses are named by their last two digits, so that two processes may have the same code at
// different addresses; 0x..ff is where a thread starts.
const frames = new Map<string, Frame>()

function frame(name: string): Frame {
  const known = frames.get(name)
  if (known) return known
  const made = makeFrame({ name, mapping: '/bin/app', threadStart: name.startsWith('ff') })
  frames.set(name, made)
  return made
}

const asked: SampledProcess[] = []

function merge(rows: readonly Row[], images: Record<number, ProcessImage<string>> = {}) {
  asked.length = 0
  return mergeWindow<string>(windowOf(rows), {
    symbols: {
      user: ({ mappings }, address, isLeaf) =>
        mappings === 'old' && address > 0xf00n
          ? UNKNOWN_FRAME
          : frame(`${address.toString(16).slice(-2)}${isLeaf ? ' leaf' : ''} of ${mappings}`),
      kernel: (address, isLeaf) => frame(`k${address.toString(16)}${isLeaf ? ' leaf' : ''}`),
    },
    processes: {
      find(sampled) {
        asked.push(sampled)
        return sampled.comm === 'gone' ? null : (images[sampled.tgid] ?? APP)
      },
      describe: () => GONE,
      findAgain: () => APP,
    },
    pause: async () => {},
  })
}

const APP: ProcessImage<string> = {
  labels: { service: 'app' },
  comm: 'app',
  mappings: 'app',
  isNamedByFile: true,
}

const GONE = { ...APP, labels: { service: 'gone' }, mappings: null }

function draw({ frames, samples }: BatchSamples): string[] {
  return samples.map(({ labels, stack, count }) => {
    const names = stack.map((index) => frames[index]?.name)
    return `${labels['service']} ${count}: ${names.join(' < ')}`
  })
}

test('puts kernel frames before user frames, leaf first', async () => {
  const samples = await merge([
    { count: 3, kernel: [0xa1n, 0xa2n], user: [0x101n, 0x102n, 0x1ffn] },
  ])
  expect(draw(samples)).toEqual(['app 3: ka1 leaf < ka2 < 01 leaf of app < 02 of app < ff of app'])
})

test('adds up stacks that are equal by name, of two processes of one series', async () => {
  const samples = await merge(
    [
      { tgid: 1, count: 1, user: [0x101n, 0x1ffn] },
      { tgid: 2, count: 2, user: [0x901n, 0x9ffn] },
      { tgid: 3, count: 4, user: [0x101n, 0x1ffn] },
    ],
    { 2: { ...APP, labels: { service: 'app' } }, 3: { ...APP, labels: { service: 'other' } } },
  )
  expect(draw(samples)).toEqual([
    'app 3: 01 leaf of app < ff of app',
    'other 4: 01 leaf of app < ff of app',
  ])
})

test('names the same addresses of two programs each by its own mappings', async () => {
  const samples = await merge(
    [
      { tgid: 1, count: 1, user: [0x1ffn] },
      { tgid: 2, count: 1, user: [0x1ffn] },
    ],
    { 2: { ...APP, mappings: 'other' } },
  )
  expect(draw(samples)).toEqual(['app 1: ff leaf of app', 'app 1: ff leaf of other'])
})

test('roots a user stack that does not reach the start of its thread in a placeholder', async () => {
  const samples = await merge([{ count: 2, kernel: [0xa1n], user: [0x101n, 0x102n] }])
  expect(draw(samples)).toEqual(['app 2: ka1 leaf < 01 leaf of app < 02 of app < [broken stack]'])
})

test.each([
  ['unreadable', STACK_UNREADABLE, '[no user stack]'],
  ['lost to a collision', STACK_COLLISION, '[stack lost: collision]'],
  ['lost for want of memory', STACK_NO_MEMORY, '[stack lost: no memory]'],
  ['lost to another error', STACK_ERROR, '[stack lost: kernel error]'],
  ['lost to an error not known yet', -77, '[stack lost: kernel error]'],
])('keeps a sample whose user stack was %s', async (_, user, name) => {
  expect(draw(await merge([{ count: 2, user }]))).toEqual([`app 2: ${name}`])
  expect(draw(await merge([{ count: 2, user, kernel: [0xa1n] }]))).toEqual([
    `app 2: ka1 leaf < ${name}`,
  ])
})

test('keeps a sample whose kernel stack was lost, with its user stack', async () => {
  const samples = await merge([{ count: 1, kernel: STACK_COLLISION, user: [0x1ffn] }])
  expect(draw(samples)).toEqual(['app 1: [stack lost: collision] < ff leaf of app'])
})

test('keeps a sample that has no stack at all', async () => {
  expect(draw(await merge([{ count: 5 }]))).toEqual(['app 5: [stack lost: kernel error]'])
})

test('a kernel thread has kernel frames only, and is not broken for it', async () => {
  const samples = await merge([
    { count: 1, kernelThread: true, kernel: [0xa1n], user: STACK_UNREADABLE },
  ])
  expect(draw(samples)).toEqual(['app 1: ka1 leaf'])
})

test('says so where a process died before it could be read, when all others are named', async () => {
  const rows = [
    { comm: 'gone', count: 1, user: [0x101n, 0x102n] },
    { count: 2, user: [0x1ffn] },
  ]
  expect(draw(await merge(rows))).toEqual([
    'app 2: ff leaf of app',
    'gone 1: [process ended] < [broken stack]',
  ])
})

test('reads the mappings of a process again when an address is not in them', async () => {
  const rows = [
    { count: 1, user: [0x901n, 0x9ffn] },
    { count: 2, user: [0xf01n, 0xfffn] },
  ]
  expect(draw(await merge(rows, { 1: { ...APP, mappings: 'old' } }))).toEqual([
    'app 1: 01 leaf of old < ff of old',
    'app 2: 01 leaf of app < ff of app',
  ])
})

test('asks for processes by all the kernel knows', async () => {
  await merge([{ tgid: 7, comm: 'exactly16bytes!!', count: 1, user: [0x1ffn] }])
  expect(asked).toEqual([
    {
      tgid: 7,
      comm: 'exactly16bytes!!',
      kernelThread: false,
      startTimeNs: 0n,
      program: 0,
      cgroupId: 0n,
    },
  ])
})

test('lets others have their turn after each row that asks for it', async () => {
  const turns: string[] = []
  const rows = Array.from({ length: 4 }, () => ({ count: 1, user: [0x1ffn] }))
  let row = 0
  setImmediate(() => turns.push('other'))
  await mergeWindow(windowOf(rows), {
    symbols: { user: () => frame('ff'), kernel: () => frame('k') },
    processes: { find: () => APP, findAgain: () => APP, describe: () => APP },
    pause() {
      turns.push(`row ${row++}`)
      return row === 2 ? new Promise((resolve) => setImmediate(resolve)) : undefined
    },
  })
  expect(turns).toEqual(['row 0', 'row 1', 'other', 'row 2', 'row 3'])
})
