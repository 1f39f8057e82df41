// Runs inside an emulated machine with two CPUs, started by run.sh. Samples with both programs by frame
// pointers, while a CPU goes and comes, then walks by tables. Prints PASS when every window came out even,
// every CPU was sampled and stacks came whole.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { openSampler, type Sampler } from '../../../collector/kernel/sampler.ts'
import type { SampleWindow } from '../../../collector/window.ts'
import { silentLog } from '../../../infra/runtime/log.ts'
import { TableLoader } from '../table-loader.ts'
import { countOf, unaccountedOf } from '../windows.ts'

const ENOUGH = 30
const MOST_WINDOWS = 60
const CPU1 = '/sys/devices/system/cpu/cpu1/online'

try {
  for (const forceNoBtf of [false, true]) {
    const sampler = await openSampler({ frequencyHz: 99, log: silentLog(), forceNoBtf })
    const hasBtf = !sampler.notes.join().includes('Without BTF')
    if (hasBtf === forceNoBtf) throw new Error(`BTF used: ${hasBtf}, notes ${sampler.notes.join()}`)
    await expectSamples(sampler, 'both CPUs', 0)
    await expectSamples(sampler, 'both CPUs', 1)
    writeFileSync(CPU1, '0')
    await expectSamples(sampler, 'CPU 1 gone', 0)
    writeFileSync(CPU1, '1')
    await expectSamples(sampler, 'CPU 1 back', 1)
    // Too short for a look at the list of online CPUs.
    writeFileSync(CPU1, '0')
    writeFileSync(CPU1, '1')
    await expectSamples(sampler, 'CPU 1 went and came back', 1)
    print(`cost ${JSON.stringify(sampler.cost())}`)
    await sampler.close()
  }
  await expectWholeStacks('shell', '/bin/busybox', ['sh', '-c', 'while :; do :; done'])
  await expectWholeStacks('system calls', '/bin/busybox', ['dd', 'if=/dev/zero', 'of=/dev/null'])
  // Not yet on arm64: bpf/README.md, known limits.
  if (process.arch === 'x64')
    await expectWholeStacks('node', process.execPath, ['-e', 'for (;;) JSON.stringify([1, 2])'])
  print(`PASS ${release()} ${process.arch}`)
} catch (error) {
  print(`FAIL ${release()} ${process.arch}: ${error instanceof Error ? error.stack : error}`)
}

/** Drains until a program that is bound to `cpu` has been sampled often enough. */
async function expectSamples(sampler: Sampler, when: string, cpu: number): Promise<void> {
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
  if (samples < ENOUGH) throw new Error(`${when}: ${samples} samples of CPU ${cpu}`)
  print(`${when}: CPU ${cpu} is sampled`)
}

/** Walks a program that ends nowhere by its tables, until the walk has ended as it should often enough. */
async function expectWholeStacks(what: string, path: string, args: string[]): Promise<void> {
  let loader: TableLoader | undefined
  let loaded: Promise<void> | undefined
  const child = spawn(path, args)
  const sampler: Sampler = await openSampler({
    frequencyHz: 99,
    log: silentLog(),
    unwind: 'tables',
    onProcess: (run) => {
      if (run.tgid === child.pid) loaded = loader?.load(run)
    },
  })
  if (!sampler.unwindTables) throw new Error(`no tables: ${sampler.notes.join()}`)
  loader = new TableLoader(sampler.unwindTables)
  for (let i = 0; i < MOST_WINDOWS && !loaded; i++) await setTimeout(200)
  await loaded
  checkAccount(await sampler.drain())
  const before = sampler.cost().unwindEnds
  let samples = 0
  for (let i = 0; i < MOST_WINDOWS && samples < 3 * ENOUGH; i++) {
    await setTimeout(200)
    const window = await sampler.drain()
    checkAccount(window)
    samples += countOf(window, child.pid)
  }
  child.kill()
  const cost = sampler.cost()
  await sampler.close()
  const { framePointers, ...ends } = cost.unwindEnds
  const whole = ends.whole - before.whole
  print(`cost ${JSON.stringify({ what, samples, ends, framePointers, ...cost })}`)
  if (whole < 0.9 * samples) throw new Error(`${what}: ${whole} of ${samples} whole`)
  print(`${what}: ${whole} whole stacks of ${samples} samples`)
}

function checkAccount(window: SampleWindow): void {
  if (unaccountedOf(window) !== 0 || Object.keys(window.dropped).length > 0)
    throw new Error(`taken ${window.taken}, unaccounted ${unaccountedOf(window)}`)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
