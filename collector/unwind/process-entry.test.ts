import { expect, test } from 'vitest'
import { MOST_MAPPINGS } from '../kernel/unwind-layout.ts'
import type { Mapping } from '../process/mappings.ts'
import { codeRanges } from './process-entry.ts'

function anonymous(start: number, end: number): Mapping {
  const file = { offset: 0, path: '', deleted: false, device: 0n, inode: 0n }
  return { kind: 'anonymous', start, end, ...file }
}

const file = (start: number, end: number): Mapping => ({
  ...anonymous(start, end),
  ...{ kind: 'file', path: '/f' },
})

const noFile = () => null

test('code without a file is one range where it is next to each other', () => {
  const { list, left } = codeRanges(
    [anonymous(0, 10), anonymous(10, 20), anonymous(30, 40), file(40, 50), anonymous(50, 60)],
    noFile,
  )
  expect(list.map(({ start, end }) => [start, end])).toEqual([
    ...[[0, 20] as const, [30, 40] as const, [40, 50] as const, [50, 60] as const],
  ])
  expect(left).toBe(0)
})

test('where there are too many, gaps between code without a file belong to it', () => {
  const jit = Array.from({ length: 1000 }, (_, i) => anonymous(i * 10, i * 10 + 5))
  const { list, left } = codeRanges([...jit, file(10_000, 10_010)], noFile)
  expect(list.map(({ start, end }) => [start, end])).toEqual([
    [0, 9995],
    [10_000, 10_010],
  ])
  expect(left).toBe(0)
})

test('of too many files the largest are kept, in order, and the rest is counted', () => {
  const files = Array.from({ length: 200 }, (_, i) => file(i * 1000, i * 1000 + 1 + (i % 7)))
  const { list, left } = codeRanges(files, noFile)
  expect(list).toHaveLength(MOST_MAPPINGS)
  expect(left).toBe(200 - MOST_MAPPINGS)
  expect(list.map(({ start }) => start)).toEqual(
    list.map(({ start }) => start).toSorted((a, b) => a - b),
  )
  expect(Math.min(...list.map(({ start, end }) => end - start))).toBeGreaterThan(2)
})
