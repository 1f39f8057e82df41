import type { Sampler } from '../../collector/kernel/sampler.ts'
import type { SampleWindow, SourceRows } from '../../collector/window.ts'

/** Samples of a window that stand in no column of its account. */
export function unaccountedOf(window: SourceRows): number {
  const dropped = Object.values(window.dropped).reduce((sum, n) => sum + n, 0)
  return window.taken - window.idle - (window.filtered ?? 0) - countOf(window) - dropped
}

/** Samples in the rows; of one process when `tgid` is given. */
export function countOf(window: SourceRows, tgid?: number): number {
  let sum = 0
  for (const [row, count] of window.count.entries())
    if (tgid === undefined || window.tgid[row] === tgid) sum += count
  return sum
}

export function stackOf(window: SampleWindow, index: number): bigint[] {
  const start = index === 0 ? 0 : (window.stackEnd[index - 1] ?? 0)
  return [...window.addresses.slice(start, window.stackEnd[index])]
}

export function rowsOf(window: SourceRows, tgid: number): number[] {
  return [...window.tgid.keys()].filter((row) => window.tgid[row] === tgid)
}

/** Drains window after window until `work` is done, then stops sampling and drains the last one. */
export async function drainWhile(
  sampler: Sampler,
  work: Promise<unknown>,
): Promise<SampleWindow[]> {
  let done = false
  const watched = work.finally(() => {
    done = true
  })
  const windows: SampleWindow[] = []
  while (!done) windows.push(await sampler.drain())
  await watched
  sampler.stop()
  windows.push(await sampler.drain())
  return windows
}
