import type { MapCalls } from './libbpf.ts'
import { KEY_WORDS } from './sample-layout.ts'
import type { Slices } from './slices.ts'
import { takeEntries } from './take-entries.ts'

const SHAPE = { keyWords: KEY_WORDS, valueWords: 2, chunk: 1024 }

/**
 * Empties a map of counts. `onCount` gets each key as words that are valid within the call only.
 * Returns 0, or the negative errno that ended it early.
 */
export function takeCounts(
  calls: MapCalls,
  fd: number,
  slices: Slices,
  onCount: (key: Uint32Array, count: number) => void,
): Promise<number> {
  return takeEntries(calls, fd, SHAPE, slices, (key, value) =>
    onCount(key, (value[0] as number) + (value[1] as number) * 2 ** 32),
  )
}
