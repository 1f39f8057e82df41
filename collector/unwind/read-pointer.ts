import type { Cursor } from '../symbolize/call-frame.ts'

// Pointers of .eh_frame say in a byte how they are written.
// https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/dwarfext.html

export type Place = {
  /** Where the bytes of the cursor are in memory, as the file says. */
  readonly vaddr: number
  /** What addresses are counted from: the lowest one the file is mapped at. */
  readonly base: number
}

/** NaN for an encoding nobody writes here. */
export function readAddress(cursor: Cursor, encoding: number, { vaddr, base }: Place): number {
  const at = vaddr + cursor.at
  const value = readValue(cursor, encoding)
  const application = encoding & 0xf0
  if (application === 0) return value - base
  return application === 0x10 ? at + value - base : Number.NaN
}

/** A length: in the format of the pointer before it, relative to nothing. */
export function readLength(cursor: Cursor, encoding: number): number {
  const length = readValue(cursor, encoding)
  // A length of a signed format is unsigned all the same.
  return length < 0 ? length + 2 ** 32 : length
}

function readValue(cursor: Cursor, encoding: number): number {
  switch (encoding & 0x0f) {
    case 0x00: // absptr
    case 0x04: // udata8
      return cursor.u64()
    case 0x01: // uleb128
      return cursor.uleb()
    case 0x02: // udata2
      return cursor.u16()
    case 0x03: // udata4
      return cursor.u32()
    case 0x09: // sleb128
      return cursor.sleb()
    case 0x0a: // sdata2
      return cursor.i16()
    case 0x0b: // sdata4
      return cursor.i32()
    case 0x0c: // sdata8
      return cursor.i64()
    default:
      return Number.NaN
  }
}
