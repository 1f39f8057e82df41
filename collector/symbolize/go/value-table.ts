import type { ByteSource } from '../byte-source.ts'

// A table of values by address: pairs of varints, a signed change of the value and the number of units
// of code it holds for. Values begin at -1; a change of 0 that is not the first ends the table.

export const NO_VALUE = -1

const PIECE_BYTES = 256
const piece = Buffer.alloc(PIECE_BYTES)
// The longest of the go command itself has 20 kB.
const MAX_TABLE_BYTES = 1 << 20

/**
 * The value at `distance` units from where the function begins, in the table at `position`; NO_VALUE
 * where it has none.
 */
export function readValue(
  source: ByteSource,
  position: number,
  end: number,
  distance: number,
): number {
  let got = 0
  let next = 0
  let from = position
  const last = Math.min(end, position + MAX_TABLE_BYTES)
  let value = NO_VALUE
  let reached = 0
  for (let isFirst = true; ; isFirst = false) {
    const change = readVarint()
    if (change === null || (change === 0 && !isFirst)) return NO_VALUE
    value = (value + ((change >>> 1) ^ -(change & 1))) | 0
    const units = readVarint()
    if (units === null) return NO_VALUE
    reached += units
    if (distance < reached) return value
  }

  // 32 bits, the lowest seven first; null at the end.
  function readVarint(): number | null {
    let bits = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (next === got) {
        got = source.read(piece.subarray(0, Math.max(0, Math.min(PIECE_BYTES, last - from))), from)
        if (got === 0) return null
        from += got
        next = 0
      }
      const byte = piece[next++] as number
      bits |= (byte & 0x7f) << shift
      if (byte < 0x80) return bits >>> 0
    }
    return null
  }
}
