import { expect, test } from 'vitest'
import { keepNewest } from './newest-ranges.ts'

function resolve(...ranges: [number, number][]): string {
  const { starts, ends, rows } = keepNewest({
    starts: Float64Array.from(ranges, ([start]) => start),
    ends: Float64Array.from(ranges, ([, end]) => end),
  })
  return Array.from(starts, (start, i) => `${start}-${ends[i]}:${rows[i]}`).join(' ')
}

test('ranges apart stay as they are, in ascending order', () => {
  expect(resolve([50, 60], [10, 20])).toBe('10-20:1 50-60:0')
})

test('a newer range inside an older one splits it', () => {
  expect(resolve([10, 90], [30, 40])).toBe('10-30:0 30-40:1 40-90:0')
})

test('a newer range hides older ones it covers', () => {
  expect(resolve([30, 40], [50, 60], [10, 90])).toBe('10-90:2')
})

test('of two ranges with one start the newer counts, and the rest of a longer older one goes on', () => {
  expect(resolve([10, 50], [10, 20])).toBe('10-20:1 20-50:0')
  expect(resolve([10, 20], [10, 50])).toBe('10-50:1')
})

test('empty and inverted ranges cover nothing', () => {
  expect(resolve([10, 10], [30, 20], [5, 8])).toBe('5-8:2')
})

test('random ranges agree with painting one after the other', () => {
  let seed = 7
  const random = (n: number) => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    return seed % n
  }
  for (let round = 0; round < 300; round++) {
    const ranges = Array.from({ length: 1 + random(20) }, (): [number, number] => {
      const start = random(100)
      return [start, start + random(40)]
    })
    const painted = new Int32Array(160).fill(-1)
    for (const [row, [start, end]] of ranges.entries()) painted.fill(row, start, end)
    const got = new Int32Array(160).fill(-1)
    const { starts, ends, rows } = keepNewest({
      starts: Float64Array.from(ranges, ([start]) => start),
      ends: Float64Array.from(ranges, ([, end]) => end),
    })
    for (const [i, row] of rows.entries()) got.fill(row, starts[i], ends[i])
    expect(got).toEqual(painted)
    for (let i = 1; i < starts.length; i++)
      expect(starts[i]).toBeGreaterThanOrEqual(ends[i - 1] as number)
  }
})
