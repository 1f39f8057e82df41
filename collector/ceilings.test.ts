import { expect, test } from 'vitest'
import { type Allowance, Ceilings } from './ceilings.ts'

const MB = 1e6
const OPTIONS = {
  ...{ maxMemoryBytes: 200 * MB, maxCpuPercent: 10, frequencyHz: 99, windowMs: 10_000 },
  ...{ symbolCacheBytes: 32 << 20, unwindTableBytes: 64 << 20 },
}
const CALM = { memoryBytes: 100 * MB, cpuPercent: 1 }

function run(ceilings: Ceilings, windows: number, usage: Partial<typeof CALM> = {}): Allowance {
  let allowance = ceilings.allowance()
  for (let n = 0; n < windows; n++) allowance = ceilings.next({ ...CALM, ...usage })
  return allowance
}

test('below both ceilings nothing is held back', () => {
  expect(run(new Ceilings(OPTIONS), 50)).toEqual({
    budget: { symbolCacheBytes: 32 << 20, unwindTableBytes: 64 << 20 },
    frequencyHz: 99,
    steps: { memory: 0, cpu: 0 },
    notes: [],
  })
})

test('over the ceiling of memory caches are cut first, then samples are taken half as often', () => {
  const ceilings = new Ceilings(OPTIONS)
  const steps = Array.from({ length: 6 }, () => run(ceilings, 2, { memoryBytes: 300 * MB }))
  expect(
    steps.map(({ budget, frequencyHz }) => [budget.symbolCacheBytes >> 20, frequencyHz]),
  ).toEqual([
    [16, 99],
    [8, 99],
    [4, 99],
    [4, 49],
    [4, 24],
    [4, 12],
  ])
  expect(steps[3]?.notes).toEqual([
    'The collector keeps 1/8 of its symbols and unwind tables to stay below --max-memory (200 MB).',
    'Samples are taken at 1/2 of 99 Hz for the collector to stay below --max-memory (200 MB).',
  ])
})

test('however long it stays over the ceiling, it samples once a second and keeps its least caches', () => {
  const { budget, frequencyHz } = run(new Ceilings(OPTIONS), 200, { memoryBytes: 900 * MB })
  expect(frequencyHz).toBe(1)
  expect(budget.symbolCacheBytes).toBeGreaterThan(0)
})

test('over the ceiling of processor time samples are taken half as often, caches stay', () => {
  const ceilings = new Ceilings(OPTIONS)
  expect(run(ceilings, 2, { cpuPercent: 30 }).frequencyHz).toBe(99)
  const { frequencyHz, budget, notes } = run(ceilings, 1, { cpuPercent: 30 })
  expect([frequencyHz, budget.symbolCacheBytes]).toEqual([49, 32 << 20])
  expect(notes).toEqual([
    'Samples are taken at 1/2 of 99 Hz for the collector to stay below --max-cpu (10 % of a core).',
  ])
})

test('what was taken away comes back, the frequency before the caches', () => {
  const ceilings = new Ceilings(OPTIONS)
  run(ceilings, 8, { memoryBytes: 300 * MB })
  expect(ceilings.allowance()).toMatchObject({ frequencyHz: 49, steps: { memory: 4 } })
  expect(run(ceilings, 8)).toMatchObject({ frequencyHz: 99, steps: { memory: 3 } })
  expect(run(ceilings, 50)).toMatchObject({ steps: { memory: 0 }, notes: [] })
})

test('a cache asked for small is not made larger by a cut', () => {
  const small = new Ceilings({ ...OPTIONS, symbolCacheBytes: 1 << 20 })
  expect(run(small, 40, { memoryBytes: 900 * MB }).budget.symbolCacheBytes).toBe(1 << 20)
})
