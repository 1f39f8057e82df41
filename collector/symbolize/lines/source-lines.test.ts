import fs from 'node:fs'
import { expect, test } from 'vitest'
import { silentLog } from '../../../infra/runtime/log.ts'
import type { Frame } from '../frame.ts'
import { makeFrame } from '../frames.ts'
import type { RunResult } from './run-limited.ts'
import { type FramesOfFile, MAX_FAILURES, SourceLines } from './source-lines.ts'

const TOOL = { name: 'llvm-symbolizer', path: '/usr/bin/llvm-symbolizer' } as const

function frame(address: number, systemName = `f${address}`): Frame {
  const name = systemName || 'app+0x1'
  return makeFrame({ name, systemName, mapping: '/bin/app', address: BigInt(address) })
}

/** What the tool prints for chains of `name:line`, innermost first. */
function print(...chains: string[][]): RunResult {
  const text = chains
    .map((chain) => {
      const symbols = chain.map((call) => {
        const [name, line] = call.split(':')
        return { FunctionName: name, FileName: 'a.c', Line: Number(line), StartLine: 1 }
      })
      return JSON.stringify({ Address: '0x1', Symbol: symbols })
    })
    .join('\n')
  return { kind: 'output', text }
}

function file(frames: readonly Frame[], taken: Map<Frame, Frame> = new Map()): FramesOfFile {
  return {
    path: '/bin/app',
    frames,
    open: () => fs.openSync('/dev/null', 'r'),
    take: (found) => {
      for (const [before, after] of found) taken.set(before, after)
    },
    turn: { asked: 0, failures: 0, waitUntil: 0 },
  }
}

function linesBy(answers: (RunResult | Promise<RunResult>)[], maxWaitMs = 60_000) {
  const inputs: string[] = []
  const run = async (_: readonly string[], input: string) => {
    inputs.push(input)
    return (await answers.shift()) ?? { kind: 'failed', reason: 'no answer left' }
  }
  return { lines: new SourceLines(TOOL, silentLog(), { run, maxWaitMs }), inputs }
}

test('a frame gets its line and what was inlined, and keeps the name of its symbol', async () => {
  const [named, nameless] = [frame(0x10, 'real_name'), frame(0x20, '')]
  const { lines, inputs } = linesBy([print(['leaf:5', 'alias:9'], ['found:3'])])
  const taken = new Map<Frame, Frame>()
  const { frames, runs } = await lines.read([file([named, nameless], taken)])
  expect(inputs).toEqual(['0x10\n0x20\n'])
  expect(frames.get(named)).toMatchObject({
    ...{ name: 'real_name', file: 'a.c', line: 9, startLine: 1 },
    inlined: [{ name: 'leaf', file: 'a.c', line: 5 }],
  })
  expect(frames.get(nameless)).toMatchObject({ name: 'found', systemName: 'found', line: 3 })
  expect(taken).toEqual(frames)
  expect(runs).toEqual({ found: 1 })
})

test('a frame nothing is known of stays what it is', async () => {
  const one = frame(1)
  const { lines } = linesBy([print([])])
  expect((await lines.read([file([one])])).frames.get(one)).toBe(one)
})

test('an answer that comes late belongs to the window in which it comes', async () => {
  const late = Promise.withResolvers<RunResult>()
  const one = frame(1)
  const { lines, inputs } = linesBy([late.promise], 0)
  const asked = file([one])
  expect((await lines.read([asked])).frames.size).toBe(0)
  // One run at a time: the second window starts none.
  expect((await lines.read([asked])).frames.size).toBe(0)
  late.resolve(print(['f1:4']))
  let found = await lines.read([])
  while (found.frames.size === 0) found = await lines.read([])
  expect(found.frames.get(one)).toMatchObject({ line: 4 })
  expect(inputs).toHaveLength(1)
})

test.each<[string, RunResult]>([
  ['takes too long', { kind: 'timeout' }],
  ['ends', { kind: 'failed', reason: 'SIGSEGV' }],
  ['prints too much', { kind: 'too_much_output' }],
  ['prints nonsense', { kind: 'output', text: 'Segmentation fault' }],
  ['prints too little', { kind: 'output', text: '' }],
])('a file on which the tool %s is tried again ever later', async (_, result) => {
  const { lines, inputs } = linesBy(Array(9).fill(result))
  const asked = file([frame(1)])
  const tried: number[] = []
  for (let window = 1; window <= 20; window++) {
    const before = inputs.length
    await lines.read([asked])
    if (inputs.length > before) tried.push(window)
  }
  expect(tried).toEqual([1, 3, 7, 15])
  expect(asked.turn.failures).toBe(MAX_FAILURES)
})

test('a file that is gone is a failure, and the next one has its turn', async () => {
  const { lines } = linesBy([print(['f2:4'])])
  const [gone, there] = [{ ...file([frame(1)]), open: () => null }, file([frame(2)])]
  expect((await lines.read([gone, there])).runs).toEqual({ gone: 1, found: 1 })
})

test('files are asked in turn, so that none with ever new code keeps the others waiting', async () => {
  const { lines, inputs } = linesBy(Array(9).fill({ kind: 'timeout' }))
  const first = file([frame(1)])
  await lines.read([first])
  first.turn.waitUntil = 0
  await lines.read([first, file([frame(2)])])
  expect(inputs).toEqual(['0x1\n', '0x2\n', '0x1\n'])
})
