// Runs inside an emulated machine with two CPUs, started by run.sh. Loads every BPF object, samples by frame
// pointers and by tables while a CPU goes and comes, then walks programs whose stacks are known. Prints PASS
// when every window came out even, every CPU was sampled and the stacks came whole and named.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { readFdinfo } from '../../../collector/kernel/fdinfo.ts'
import { loadLibbpf } from '../../../collector/kernel/libbpf.ts'
import {
  openSampler,
  type Sampler,
  type SamplerOptions,
} from '../../../collector/kernel/sampler.ts'
import type { SampleWindow } from '../../../collector/window.ts'
import { silentLog } from '../../../infra/runtime/log.ts'
import { type WalkedStack, Walker } from '../walker.ts'
import { countOf, unaccountedOf } from '../windows.ts'
import { expectOtherSources } from './other-sources.ts'

const ENOUGH = 20
const MOST_WINDOWS = 60
const OBJECTS = '/app/bpf/objects'
const CPU1 = '/sys/devices/system/cpu/cpu1/online'
// Ends when its standard input does.
const NODE_PROGRAM = `
  process.stdin.on('end', () => process.exit()).resume()
  setInterval(() => { for (let i = 0; i < 1e4; i++) JSON.stringify([1, 2]) })`
const MAIN = ['inner', 'middle', 'outer', 'main', '_start']

try {
  loadEveryObject()
  await sampleWhileCpusChange('without BTF', { forceNoBtf: true })
  await sampleWhileCpusChange('by frame pointers', { unwind: 'frame-pointers' })
  await sampleWhileCpusChange('by tables', { unwind: 'tables' })

  const byTables = await Walker.open({ unwind: 'tables', frequencyHz: 99 })
  const chain = { walker: byTables, path: '/bin/chain-nofp' }
  await expectChain({ ...chain, mode: 'burn', leaf: 'spin', above: [] })
  await expectChain({ ...chain, path: '/bin/chain-fp', mode: 'burn', leaf: 'spin', above: [] })
  await expectChain({ ...chain, mode: 'signal', leaf: 'spin', above: ['handler'] })
  await expectChain({ ...chain, mode: 'plt', leaf: 'labs@plt', above: [] })
  // On arm64 a step by frame pointer tells nothing of sp: only frame pointers lead on from there.
  const withFramePointers = process.arch === 'arm64' ? { path: '/bin/chain-fp' } : {}
  await expectChain({ ...chain, ...withFramePointers, mode: 'bare', leaf: 'spin', above: ['bare'] })
  await expectChain({ ...chain, mode: 'aligned', leaf: 'spin', above: ['aligned'] })
  await expectSystemCalls(byTables)
  await expectNode(byTables)
  await byTables.close()
  const byFramePointers = await Walker.open({ unwind: 'frame-pointers', frequencyHz: 99 })
  await expectFramePointers(byFramePointers)
  await byFramePointers.close()
  await expectOtherSources(print)
  print(`PASS ${release()} ${process.arch}`)
} catch (error) {
  print(`FAIL ${release()} ${process.arch}: ${error instanceof Error ? error.stack : error}`)
  process.exit(1)
}

function loadEveryObject(): void {
  const others = process.arch === 'x64' ? '-arm64' : '-x64'
  for (const name of readdirSync(OBJECTS)) {
    if (!name.endsWith('.bpf.o') || name.includes(others)) continue
    const before = new Set(readdirSync('/proc/self/fd'))
    const object = loadLibbpf().openObject(readFileSync(`${OBJECTS}/${name}`))
    object.load()
    for (const fd of readdirSync('/proc/self/fd')) {
      const instructions = before.has(fd) ? undefined : verifiedInstructions(Number(fd))
      if (instructions) print(`${name}: ${instructions} of 1000000 verified instructions`)
    }
    object.close()
  }
}

// The directory itself was read by a descriptor that is gone.
function verifiedInstructions(fd: number): number | undefined {
  try {
    return readFdinfo(fd).get('verified_insns')
  } catch {
    return undefined
  }
}

async function sampleWhileCpusChange(how: string, options: Partial<SamplerOptions>): Promise<void> {
  const sampler = await openSampler({ frequencyHz: 99, log: silentLog(), ...options })
  await expectSamples(sampler, how, 'both CPUs', 0)
  await expectSamples(sampler, how, 'both CPUs', 1)
  writeFileSync(CPU1, '0')
  await expectSamples(sampler, how, 'CPU 1 gone', 0)
  writeFileSync(CPU1, '1')
  await expectSamples(sampler, how, 'CPU 1 back', 1)
  // Too short for a look at the list of online CPUs.
  writeFileSync(CPU1, '0')
  writeFileSync(CPU1, '1')
  await expectSamples(sampler, how, 'CPU 1 went and came back', 1)
  await sampler.close()
}

/** Drains until a program that is bound to `cpu` has been sampled often enough. */
async function expectSamples(
  sampler: Sampler,
  how: string,
  when: string,
  cpu: number,
): Promise<void> {
  const loop = ['taskset', String(1 << cpu), 'sh', '-c', 'while :; do :; done']
  const child = spawn('/bin/busybox', loop)
  let samples = 0
  for (let i = 0; i < MOST_WINDOWS && samples < ENOUGH; i++) {
    await setTimeout(200)
    const window = await sampler.drain()
    checkAccount(window)
    samples += countOf(window, child.pid)
  }
  child.kill()
  if (samples < ENOUGH) throw new Error(`${how}, ${when}: ${samples} samples of CPU ${cpu}`)
  print(`${how}, ${when}: CPU ${cpu} is sampled`)
}

type Chain = {
  readonly walker: Walker
  readonly path: string
  readonly mode: string
  readonly leaf: string
  /** Between the leaf and inner(). */
  readonly above: readonly string[]
}

/** Walks chain.c until it was at `leaf` often enough. */
async function expectChain({ walker, path, mode, leaf, above }: Chain): Promise<void> {
  const isAtLeaf = (stack: WalkedStack) => stack.leaf.name === leaf
  const expected = [leaf, ...above, ...MAIN].join(' < ')
  for (const { names, isWhole } of await walk(walker, [path, mode], isAtLeaf))
    if (!isWhole || names.join(' < ') !== expected)
      throw new Error(`${path} ${mode}: ${names.join(' < ')}, whole: ${isWhole}`)
}

async function expectSystemCalls(walker: Walker): Promise<void> {
  const isInRead = ({ inKernel, names }: WalkedStack) => inKernel && names.includes('inner')
  const command = ['/bin/chain-nofp', 'calls'] as const
  for (const { names } of await walk(walker, command, isInRead))
    if (names.join() !== MAIN.join()) throw new Error(`system calls: ${names.join(' < ')}`)
}

/** By the kernel's own frame pointers: on arm64 they miss the caller of a function that calls nothing. */
async function expectFramePointers(walker: Walker): Promise<void> {
  const isSpinning = ({ leaf }: WalkedStack) => leaf.name === 'spin'
  const command = ['/bin/chain-fp', 'burn'] as const
  for (const { names } of await walk(walker, command, isSpinning))
    if (!names.join().includes('middle,outer,main'))
      throw new Error(`by frame pointers: ${names.join(' < ')}`)
}

/** Native code, JIT and tables in one stack. */
async function expectNode(walker: Walker): Promise<void> {
  const command = [process.execPath, '-e', NODE_PROGRAM] as const
  const stacks = await walk(walker, command, () => true)
  const whole = samplesOf(stacks.filter(({ isWhole }) => isWhole))
  print(`node: ${whole} whole stacks of ${samplesOf(stacks)}`)
  for (const { names, leaf, samples } of stacks.filter(({ isWhole }) => !isWhole).slice(0, 5))
    print(
      `  cut: ${samples} of ${leaf.name} in ${leaf.mapping}: … < ${names.slice(-4).join(' < ')}`,
    )
  if (whole < 0.9 * samplesOf(stacks)) throw new Error('node: stacks are cut')
}

/** The stacks that are looked at, once there are enough. */
async function walk(
  walker: Walker,
  command: readonly [path: string, ...args: string[]],
  isLookedAt: (stack: WalkedStack) => boolean,
): Promise<WalkedStack[]> {
  const stacks = await walker.walk(
    command,
    (stacks) => samplesOf(stacks.filter(isLookedAt)) >= ENOUGH,
  )
  const lookedAt = stacks.filter(isLookedAt)
  print(`${command.slice(0, 2).join(' ')}: ${samplesOf(lookedAt)} of ${samplesOf(stacks)} samples`)
  print(`  ${lookedAt[0]?.names.join(' < ')}`)
  return lookedAt
}

function samplesOf(stacks: readonly WalkedStack[]): number {
  return stacks.reduce((sum, { samples }) => sum + samples, 0)
}

function checkAccount(window: SampleWindow): void {
  if (unaccountedOf(window) !== 0 || Object.keys(window.dropped).length > 0)
    throw new Error(`taken ${window.taken}, unaccounted ${unaccountedOf(window)}`)
}

function print(line: string): void {
  process.stdout.write(`${process.uptime().toFixed(1)} s: ${line}\n`)
}
