import { BoundedOutput } from './bounded-output.ts'

// https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md

const MAGIC = 0x184d2204
const BLOCK_CHECKSUM = 0x10
const CONTENT_SIZE = 0x08
const DICTIONARY = 0x01
const STORED = 0x80000000

/** One frame. Kafka has its own checksum over the batch, so those of the frame are passed over. Throws RangeError. */
export function decompressLz4(frame: Buffer, limitBytes: number): Buffer {
  if (frame.readUInt32LE(0) !== MAGIC) throw new RangeError('not an LZ4 frame')
  const flags = frame.readUInt8(4)
  if (flags & DICTIONARY) throw new RangeError('an LZ4 frame with a dictionary')
  // Flags, block size, checksum of the header.
  let at = 7 + (flags & CONTENT_SIZE ? 8 : 0)
  const output = new BoundedOutput(limitBytes)
  for (;;) {
    const header = frame.readUInt32LE(at)
    at += 4
    if (header === 0) return output.bytes()
    const isStored = (header & STORED) !== 0
    const size = header & ~STORED
    if (at + size > frame.length) throw new RangeError('an LZ4 block that is cut short')
    const block = frame.subarray(at, at + size)
    if (isStored) output.append(block)
    else decompressBlock(block, output)
    at += size + (flags & BLOCK_CHECKSUM ? 4 : 0)
  }
}

// Matches may reach into the blocks before.
function decompressBlock(block: Buffer, output: BoundedOutput): void {
  let at = 0
  const lengthOf = (nibble: number): number => {
    let length = nibble
    for (let more = nibble === 15 ? 255 : 0; more === 255; length += more)
      more = block.readUInt8(at++)
    return length
  }
  while (at < block.length) {
    const token = block.readUInt8(at++)
    const literals = lengthOf(token >>> 4)
    if (at + literals > block.length) throw new RangeError('LZ4 literals that are cut short')
    output.append(block.subarray(at, at + literals))
    at += literals
    // The last sequence has literals only.
    if (at === block.length) return
    const distance = block.readUInt16LE(at)
    at += 2
    output.repeat(distance, lengthOf(token & 15) + 4)
  }
}
