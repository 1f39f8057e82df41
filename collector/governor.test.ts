import { expect, test } from 'vitest'
import { Governor } from './governor.ts'

const OPTIONS = { mostSteps: 3, overWindows: 1, calmWindows: 4, calmShare: 0.8 }
const follow = (governor: Governor, shares: readonly number[]) =>
  shares.map((share) => governor.next(share))
const times = (n: number, share: number) => Array<number>(n).fill(share)

test('takes a step when over the ceiling, and waits a window to see what it did', () => {
  expect(follow(new Governor(OPTIONS), [0.9, 1.1, 1.1, 1.1, 0.9])).toEqual([0, 1, 1, 2, 2])
})

test('goes as far as there are steps and no further', () => {
  expect(follow(new Governor(OPTIONS), times(12, 2)).at(-1)).toBe(3)
})

test('steps back after as many calm windows in a row', () => {
  const governor = new Governor(OPTIONS)
  governor.next(1.1)
  // One to settle, three calm ones, one that is not, then four calm ones.
  const shares = [0.5, 0.5, 0.5, 0.5, 0.9, 0.5, 0.5, 0.5, 0.5]
  expect(follow(governor, shares)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0])
})

test('after a step back that was too early it waits twice as long, after a long calm no more', () => {
  const governor = new Governor(OPTIONS)
  const windowsUntilBack = () => {
    for (let n = 1; n < 1_000; n++) if (governor.next(0.5) === 0) return n
    return null
  }
  governor.next(1.1)
  expect(windowsUntilBack()).toBe(5)
  governor.next(0.9)
  expect(governor.next(1.1)).toBe(1)
  expect(windowsUntilBack()).toBe(9)
  governor.next(0.9)
  governor.next(1.1)
  expect(windowsUntilBack()).toBe(17)
  follow(governor, times(40, 0.5))
  governor.next(1.1)
  expect(windowsUntilBack()).toBe(5)
})

test('with a mean over several windows one peak is no reason', () => {
  const governor = new Governor({ ...OPTIONS, overWindows: 3 })
  expect(follow(governor, [0.2, 2, 0.2, 0.2])).toEqual([0, 0, 0, 0])
  expect(follow(governor, [2, 2, 2])).toEqual([0, 1, 1])
})

test('never leaves its steps, whatever it is told', () => {
  const governor = new Governor(OPTIONS)
  let seed = 7
  for (let n = 0; n < 5_000; n++) {
    seed = (seed * 48_271) % 0x7fffffff
    const step = governor.next((seed % 300) / 100)
    expect(step).toBeGreaterThanOrEqual(0)
    expect(step).toBeLessThanOrEqual(OPTIONS.mostSteps)
  }
})
