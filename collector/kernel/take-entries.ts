import type { MapCalls } from './libbpf.ts'
import type { Slices } from './slices.ts'

const ENOENT = 2
// The kernel's mark of where it stopped; for hash maps 4 bytes.
const TOKEN_BYTES = 64

export type EntryShape = {
  readonly keyWords: number
  readonly valueWords: number
  /** Entries taken by one call. */
  readonly chunk: number
}

/**
 * Empties a hash map. `onEntry` gets key and value as words that are valid within the call only. Returns
 * 0, or the negative errno that ended it early.
 */
export async function takeEntries(
  calls: Pick<MapCalls, 'lookupAndDeleteBatch'>,
  fd: number,
  { keyWords, valueWords, chunk }: EntryShape,
  slices: Slices,
  onEntry: (key: Uint32Array, value: Uint32Array) => void,
): Promise<number> {
  const keys = new Uint32Array(chunk * keyWords)
  const values = new Uint32Array(chunk * valueWords)
  const keyBytes = new Uint8Array(keys.buffer)
  const valueBytes = new Uint8Array(values.buffer)
  const read = new Uint32Array(1)
  let from: Uint8Array | null = null
  let to: Uint8Array = new Uint8Array(TOKEN_BYTES)
  for (;;) {
    read[0] = chunk
    const result = calls.lookupAndDeleteBatch(fd, from, to, keyBytes, valueBytes, read)
    // ENOENT marks the last chunk, which is valid.
    if (result < 0 && result !== -ENOENT) return result
    for (let i = 0; i < read[0]; i++) {
      const key = keys.subarray(i * keyWords, (i + 1) * keyWords)
      onEntry(key, values.subarray(i * valueWords, (i + 1) * valueWords))
      if (slices.due) await slices.yield()
    }
    if (result === -ENOENT) return 0
    const spare = from ?? new Uint8Array(TOKEN_BYTES)
    from = to
    to = spare
  }
}
