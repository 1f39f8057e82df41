import type { MapCalls } from './libbpf.ts'
import { COUNT, KEY_WORDS } from './sample-layout.ts'
import type { Slices } from './slices.ts'
import { takeEntries } from './take-entries.ts'

const SHAPE = { keyWords: KEY_WORDS, valueWords: COUNT.words, chunk: 1024 }

/**
 * Empties a map of counts. `onCount` gets each key as words that are valid within the call only.
 * Returns 0, or the negative errno that ended it early.
 */
export function takeCounts(
  calls: MapCalls,
  fd: number,
  slices: Slices,
  onCount: (key: Uint32Array, samples: number, sum: number) => void,
): Promise<number> {
  return takeEntries(calls, fd, SHAPE, slices, (key, value) =>
    onCount(key, wide(value, COUNT.samples), wide(value, COUNT.sum)),
  )
}

function wide(words: Uint32Array, at: number): number {
  return (words[at] as number) + (words[at + 1] as number) * 2 ** 32
}
