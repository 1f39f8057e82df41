import { BoundedOutput } from './bounded-output.ts'

// https://github.com/google/snappy/blob/main/format_description.txt

// Java's clients frame it: this, two versions of 4 bytes, then blocks behind their length.
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = 16

/** A bare block, or Java's framing of several. Throws RangeError. */
export function decompressSnappy(bytes: Buffer, limitBytes: number): Buffer {
  const output = new BoundedOutput(limitBytes)
  if (!bytes.subarray(0, XERIAL.length).equals(XERIAL)) {
    decompressBlock(bytes, output)
    return output.bytes()
  }
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length; ) {
    const size = bytes.readUInt32BE(at)
    at += 4
    if (at + size > bytes.length) throw new RangeError('a Snappy block that is cut short')
    decompressBlock(bytes.subarray(at, at + size), output)
    at += size
  }
  return output.bytes()
}

function decompressBlock(block: Buffer, output: BoundedOutput): void {
  let at = 0
  // The length of the whole, a varint: the limit holds whatever it says.
  while (block.readUInt8(at++) >= 0x80);
  while (at < block.length) {
    const tag = block.readUInt8(at++)
    const high = tag >>> 2
    switch (tag & 3) {
      case 0: {
        const extra = Math.max(0, high - 59)
        const length = (extra === 0 ? high : block.readUIntLE(at, extra)) + 1
        at += extra
        if (at + length > block.length) throw new RangeError('Snappy literals that are cut short')
        output.append(block.subarray(at, at + length))
        at += length
        break
      }
      case 1:
        output.repeat(((tag >>> 5) << 8) | block.readUInt8(at), (high & 7) + 4)
        at += 1
        break
      case 2:
        output.repeat(block.readUInt16LE(at), high + 1)
        at += 2
        break
      default:
        output.repeat(block.readUInt32LE(at), high + 1)
        at += 4
    }
  }
}
