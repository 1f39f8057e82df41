import type { MapCalls } from './libbpf.ts'
import { KEY_WORDS } from './sample-layout.ts'
import type { Slices } from './slices.ts'

const ENOENT = 2
const CHUNK = 1024
// The kernel's mark of where it stopped; for hash maps 4 bytes.
const TOKEN_BYTES = 64

/**
 * Empties a map of counts. `onCount` gets each key as words that are valid within the call only.
 * Returns 0, or the negative errno that ended it early.
 */
export async function takeCounts(
  calls: MapCalls,
  fd: number,
  slices: Slices,
  onCount: (key: Uint32Array, count: number) => void,
): Promise<number> {
  const keys = new Uint32Array(CHUNK * KEY_WORDS)
  const values = new Uint32Array(CHUNK * 2)
  const keyBytes = new Uint8Array(keys.buffer)
  const valueBytes = new Uint8Array(values.buffer)
  const read = new Uint32Array(1)
  let from: Uint8Array | null = null
  let to: Uint8Array = new Uint8Array(TOKEN_BYTES)
  for (;;) {
    read[0] = CHUNK
    const result = calls.lookupAndDeleteBatch(fd, from, to, keyBytes, valueBytes, read)
    // ENOENT marks the last chunk, which is valid.
    if (result < 0 && result !== -ENOENT) return result
    for (let i = 0; i < read[0]; i++) {
      const key = keys.subarray(i * KEY_WORDS, (i + 1) * KEY_WORDS)
      onCount(key, (values[2 * i] as number) + (values[2 * i + 1] as number) * 2 ** 32)
      if (slices.due) await slices.yield()
    }
    if (result === -ENOENT) return 0
    const spare = from ?? new Uint8Array(TOKEN_BYTES)
    from = to
    to = spare
  }
}
