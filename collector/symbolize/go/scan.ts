import type { ByteSource } from '../byte-source.ts'
import type { Elf } from '../elf.ts'
import { PF_X, PT_LOAD } from '../elf.ts'

const PIECE_BYTES = 1 << 20
// No pattern is longer.
const OVERLAP_BYTES = 16
// The data of a Go program of 200 MB.
const MAX_SCANNED_BYTES = 256 << 20

/**
 * Where `bytes` stand in the data of a file, as file positions that differ from a multiple of 8 by
 * `phase`: in what is loaded and not code.
 */
export function* findInData(
  source: ByteSource,
  elf: Elf,
  bytes: Buffer,
  phase = 0,
): Generator<number> {
  const piece = Buffer.allocUnsafe(PIECE_BYTES + OVERLAP_BYTES)
  let left = MAX_SCANNED_BYTES
  for (const { type, flags, offset, fileBytes } of elf.segments) {
    if (type !== PT_LOAD || (flags & PF_X) !== 0) continue
    const end = Math.min(offset + fileBytes, source.sizeBytes)
    for (let at = offset; at < end && left > 0; at += PIECE_BYTES, left -= PIECE_BYTES) {
      const got = source.read(piece.subarray(0, Math.min(piece.length, end - at)), at)
      const read = piece.subarray(0, got)
      for (let i = read.indexOf(bytes); i >= 0 && i < PIECE_BYTES; i = read.indexOf(bytes, i + 1))
        if ((at + i) % 8 === phase) yield at + i
    }
  }
}
