import { readFileSync } from 'node:fs'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { openSampler, type Sampler } from '../../collector/kernel/sampler.ts'
import { STACK_ABSENT } from '../../collector/window.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { compile, requireRoot, start, temporaryDirectory } from './programs.ts'
import { drainWhile, rowsOf, stackOf } from './windows.ts'

const directory = temporaryDirectory()
beforeAll(() => {
  for (const name of ['ladder', 'system-calls', 'call-tree']) compile(name, directory)
})
beforeEach(requireRoot)

async function withSampler<T>(use: (sampler: Sampler) => Promise<T>): Promise<T> {
  const sampler = await openSampler({ frequencyHz: 999, log: silentLog(), niceness: 0 })
  try {
    return await use(sampler)
  } finally {
    await sampler.close()
  }
}

/** User stacks of the ladder that stand in work(), as names of its functions, leaf first. */
async function climb(rungs: number): Promise<string[][]> {
  return withSampler(async (sampler) => {
    const { child, pid, ended } = start(`${directory}/ladder`, [String(rungs)])
    const symbols: { name: string; address: bigint }[] = []
    child.stdout?.on('data', (chunk: Buffer) => {
      for (const [, name = '', hex] of chunk.toString().matchAll(/^(\w+) ([0-9a-f]+)$/gm))
        symbols.push({ name, address: BigInt(`0x${hex}`) })
      symbols.sort((a, b) => (a.address < b.address ? -1 : 1))
    })
    const nameOf = (address: bigint) => symbols.findLast((s) => s.address <= address)?.name ?? ''
    const climbed: string[][] = []
    while (climbed.length < 20) {
      const window = await sampler.drain()
      for (const row of rowsOf(window, pid)) {
        const index = window.userStack[row] ?? -1
        if (index < 0 || symbols.length === 0) continue
        const names = stackOf(window, index).map(nameOf)
        if (names[0] === 'work') climbed.push(names)
      }
    }
    child.stdin?.end()
    await ended
    return climbed
  })
}

test('a stack with frame pointers is seen whole, leaf first, each rung once', async () => {
  for (const names of await climb(30)) {
    expect(names.slice(0, 32)).toEqual(['work', ...Array(30).fill('rung'), 'main'])
    // What comes after main belongs to the C library, which has no frame pointers.
    expect(names.length).toBeLessThan(40)
  }
})

test('a stack deeper than 127 frames keeps its 127 innermost ones', async () => {
  for (const names of await climb(300)) expect(names).toEqual(['work', ...Array(126).fill('rung')])
})

test('kernel stacks end in the system call and belong to the same sample as the user stack', async () => {
  const { startText, endText } = kernelText()
  await withSampler(async (sampler) => {
    const { pid, ended } = start(`${directory}/system-calls`, ['20000'])
    const windows = await drainWhile(sampler, ended)
    let kernelSamples = 0
    let samples = 0
    let withUserStack = 0
    for (const window of windows) {
      for (const row of rowsOf(window, pid)) {
        const count = window.count[row] ?? 0
        samples += count
        const index = window.kernelStack[row] ?? STACK_ABSENT
        if (index < 0) continue
        kernelSamples += count
        // Absent only where the process is exiting.
        expect(window.userStack[row]).toBeGreaterThanOrEqual(STACK_ABSENT)
        if (window.userStack[row] !== STACK_ABSENT) withUserStack += count
        for (const address of stackOf(window, index)) expect(address).toBeGreaterThan(1n << 63n)
        const outermost = stackOf(window, index).at(-1) ?? 0n
        expect(outermost >= startText && outermost < endText).toBe(true)
      }
    }
    expect(samples).toBeGreaterThan(50)
    expect(kernelSamples / samples).toBeGreaterThan(0.7)
    expect(withUserStack / kernelSamples).toBeGreaterThan(0.7)
  })
})

test('kernel threads are marked and have no user stack', async () => {
  await withSampler(async (sampler) => {
    // Freeing the memory of a process and flushing the maps makes work for kernel threads.
    const trees = Array.from({ length: 20 }, () => start(`${directory}/call-tree`, ['5000']))
    const windows = await drainWhile(sampler, Promise.all(trees.map((tree) => tree.ended)))
    for (const window of windows) {
      for (const [row, isKernelThread] of window.kernelThread.entries()) {
        if (isKernelThread) {
          expect(window.userStack[row]).toBe(STACK_ABSENT)
          expect(isKernelThreadByProc(window.tgid[row] ?? 0)).not.toBe(false)
        } else expect(window.userStack[row]).not.toBe(undefined)
      }
      for (const tree of trees)
        for (const row of rowsOf(window, tree.pid)) expect(window.kernelThread[row]).toBe(0)
    }
  })
})

/** Kernel threads have no executable; null when the thread is gone. */
function isKernelThreadByProc(tgid: number): boolean | null {
  try {
    return readFileSync(`/proc/${tgid}/cmdline`).length === 0
  } catch {
    return null
  }
}

function kernelText(): { startText: bigint; endText: bigint } {
  const symbols = readFileSync('/proc/kallsyms', 'latin1')
  const addressOf = (name: string) =>
    BigInt(`0x${new RegExp(`^([0-9a-f]+) . ${name}$`, 'm').exec(symbols)?.[1] ?? '0'}`)
  return { startText: addressOf('_stext'), endText: addressOf('_etext') }
}
