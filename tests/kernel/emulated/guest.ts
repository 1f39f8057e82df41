// Runs inside an emulated machine with two CPUs, started by run.sh. Samples with both programs, while
// a CPU goes and comes, and prints PASS when every window came out even and every CPU was sampled.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { openSampler, type Sampler } from '../../../collector/kernel/sampler.ts'
import type { SampleWindow } from '../../../collector/window.ts'
import { silentLog } from '../../../infra/runtime/log.ts'
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

function checkAccount(window: SampleWindow): void {
  if (unaccountedOf(window) !== 0 || Object.keys(window.dropped).length > 0)
    throw new Error(`taken ${window.taken}, unaccounted ${unaccountedOf(window)}`)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
