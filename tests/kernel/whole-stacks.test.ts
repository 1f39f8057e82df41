import { realpathSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { compile, isRoot, NO_FRAME_POINTERS, requireRoot, temporaryDirectory } from './programs.ts'
import { type WalkedStack, Walker } from './walker.ts'

const directory = temporaryDirectory()
let chain = ''
let walker: Walker
beforeAll(async () => {
  if (!isRoot) return
  chain = compile('chain', directory, NO_FRAME_POINTERS)
  walker = await Walker.open({ unwind: 'tables', frequencyHz: 999 })
})
afterAll(() => walker?.close())
beforeEach(requireRoot)

const ENOUGH = 30
const MAIN = ['inner', 'middle', 'outer', 'main', '_start']

/** Samples the chain until `ENOUGH` stacks are of the kind that is looked at; those are returned. */
async function walkChain(
  mode: string,
  isLookedAt: (stack: WalkedStack) => boolean,
): Promise<WalkedStack[]> {
  const stacks = await walker.walk([chain, mode], (s) => s.filter(isLookedAt).length >= ENOUGH)
  return stacks.filter(isLookedAt)
}

const isSpinning = ({ leaf }: WalkedStack) => leaf.name === 'spin'

test('a program without frame pointers comes whole, in user mode', async () => {
  const before = walker.cost().unwindEnds.whole
  const stacks = await walkChain('burn', isSpinning)
  for (const { names, isWhole } of stacks) {
    expect(names).toEqual(['spin', ...MAIN])
    expect(isWhole).toBe(true)
  }
  const { unwindEnds, verifiedInstructions } = walker.cost()
  expect(unwindEnds.whole - before).toBeGreaterThanOrEqual(ENOUGH)
  process.stdout.write(`verified instructions: ${verifiedInstructions} of 1,000,000\n`)
})

test('a program without frame pointers comes whole where the sample hit the kernel', async () => {
  const stacks = await walkChain('calls', (s) => s.inKernel && s.names.includes('inner'))
  for (const { names } of stacks) expect(names).toEqual(MAIN)
})

test('a stub that calls into another library hides no caller', async () => {
  const stacks = await walkChain('plt', ({ leaf }) => leaf.name === 'labs@plt')
  for (const { names } of stacks) expect(names).toEqual(['labs@plt', ...MAIN])
})

test('what a signal handler interrupted stands above it', async () => {
  const stacks = await walkChain('signal', isSpinning)
  for (const { names } of stacks) expect(names).toEqual(['spin', 'handler', ...MAIN])
})

test('code the kernel maps into every process hides no caller', async () => {
  const stacks = await walkChain('vdso', ({ leaf }) => leaf.mapping === '[vdso]')
  for (const { names } of stacks) expect(names).toEqual(MAIN)
})

test('a function without rules is passed by its frame pointer, and rules hold again above it', async () => {
  const stacks = await walkChain('bare', isSpinning)
  for (const { names } of stacks) expect(names).toEqual(['spin', 'bare', ...MAIN])
})

test('a function whose frame is where an expression says hides no caller', async () => {
  const stacks = await walkChain('aligned', isSpinning)
  for (const { names } of stacks) expect(names).toEqual(['spin', 'aligned', ...MAIN])
})

// Ends when its standard input does.
const HASHING = `
  process.stdin.on('end', () => process.exit()).resume()
  const { createHash } = require('node:crypto')
  const bytes = Buffer.alloc(1 << 20)
  setInterval(() => createHash('sha512').update(bytes).digest())`

test('assembly that keeps the stack pointer in memory, below C++ and a JIT, hides no caller', async () => {
  const isHashing = ({ leaf }: WalkedStack) => leaf.name.startsWith('sha512_block_data_order')
  const stacks = await walker.walk(
    [realpathSync(process.execPath), '-e', HASHING],
    (s) => s.filter(isHashing).length >= ENOUGH,
  )
  for (const { names, isWhole } of stacks.filter(isHashing)) {
    expect(isWhole).toBe(true)
    expect(names).toContain('uv_run')
  }
})
