import { expect, test } from 'vitest'
import { silentLog } from '../infra/runtime/log.ts'
import type { Measurement } from './self-control.ts'
import { SelfControl } from './self-control.ts'

const MB = 1e6

function controlled() {
  const calls: string[] = []
  const now = { residentBytes: 90 * MB, cpuMs: 0, nowMs: 0 }
  let kernelBytes = 10 * MB
  const control = new SelfControl({
    ...{ maxMemoryBytes: 200 * MB, maxCpuPercent: 10, frequencyHz: 99, windowMs: 10_000 },
    ...{ symbolCacheBytes: 32 << 20, unwindTableBytes: 64 << 20, log: silentLog() },
    kernelBytes: () => kernelBytes,
    setFrequency: (hertz) => calls.push(`${hertz} Hz`),
    setBudget: ({ symbolCacheBytes }) => calls.push(`${symbolCacheBytes >> 20} MB`),
    show: ({ cpuPercent }) => calls.push(`cpu ${cpuPercent}`),
    measure: (): Measurement => ({ ...now }),
  })
  const window = (change: { cpuMs?: number; residentBytes?: number; kernelBytes?: number }) => {
    now.nowMs += 10_000
    now.cpuMs += change.cpuMs ?? 0
    now.residentBytes = change.residentBytes ?? now.residentBytes
    kernelBytes = change.kernelBytes ?? kernelBytes
    calls.length = 0
    control.endWindow()
    return [...calls]
  }
  return { control, window }
}

test('measures its processor time over each window, and changes nothing below its ceilings', () => {
  const { control, window } = controlled()
  expect(window({ cpuMs: 500 })).toEqual(['cpu 5'])
  expect(window({ cpuMs: 100 })).toEqual(['cpu 1'])
  expect(control.notes()).toEqual([])
})

test('memory in the kernel counts as its own, and caches are told once for each step', () => {
  const { control, window } = controlled()
  expect(window({ kernelBytes: 150 * MB })).toContain('16 MB')
  expect(window({})).toEqual(['cpu 0'])
  expect(window({})).toContain('8 MB')
  expect(control.notes()).toHaveLength(1)
})

test('the sampler is told another frequency when one is due, and no budget with it', () => {
  const { window } = controlled()
  window({ cpuMs: 5_000 })
  window({ cpuMs: 5_000 })
  expect(window({ cpuMs: 5_000 })).toEqual(['cpu 50', '49 Hz'])
})
