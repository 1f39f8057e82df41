import { expect, test } from 'vitest'
import { kernelStackEntries, mapSizes } from './map-sizes.ts'

test('a small host reads once per window of 10 s from small maps', () => {
  expect(mapSizes(2, 99)).toEqual({
    stackEntries: 2048,
    countEntries: 4096,
    besideEntries: 0,
    overflowBytes: 1 << 20,
    readEveryMs: 10_343,
  })
  expect(mapSizes(1, 19).stackEntries).toBe(2048)
})

test('a big host reads more often instead of having ever larger maps', () => {
  expect(mapSizes(64, 99)).toMatchObject({ stackEntries: 16384, readEveryMs: 2585 })
  expect(mapSizes(256, 99)).toMatchObject({ stackEntries: 16384, readEveryMs: 646 })
  expect(mapSizes(2, 4999)).toMatchObject({ stackEntries: 16384, readEveryMs: 1638 })
})

test('a reading finds at most half as many counts as there is room for', () => {
  for (const cpus of [1, 2, 8, 64, 512])
    for (const frequencyHz of [1, 19, 99, 999, 4999]) {
      const { countEntries, readEveryMs } = mapSizes(cpus, frequencyHz)
      expect((cpus * frequencyHz * readEveryMs) / 1000).toBeLessThanOrEqual(countEntries / 2)
      expect(Math.log2(countEntries) % 1).toBe(0)
    }
})

test('stack maps without user stacks are a quarter as large, but not tiny', () => {
  expect(kernelStackEntries(mapSizes(2, 99).stackEntries)).toBe(1024)
  expect(kernelStackEntries(mapSizes(2, 999).stackEntries)).toBe(4096)
  expect(kernelStackEntries(16)).toBe(16)
})
