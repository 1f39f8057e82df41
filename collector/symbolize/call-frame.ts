import { word } from './elf.ts'

// Call frame instructions: how unwind tables say where registers are.
// https://dwarfstd.org/doc/DWARF5.pdf, section 6.4.2

/**
 * Whether call frame instructions leave `register` undefined in their first row; undefined when
 * they say nothing about it.
 */
export function setsUndefined(cursor: Cursor, register: number): boolean | undefined {
  let answer: boolean | undefined
  while (!cursor.atEnd) {
    const opcode = cursor.u8()
    const high = opcode >> 6
    // DW_CFA_advance_loc and its longer forms end the first row.
    if (high === 1 || (opcode >= 0x01 && opcode <= 0x04)) break
    if (high === 2) {
      if ((opcode & 63) === register) answer = false
      cursor.uleb()
    } else if (high === 0 && !readOperands(opcode)) break
  }
  return answer

  function readOperands(opcode: number): boolean {
    switch (opcode) {
      case 0x07: // DW_CFA_undefined
        if (cursor.uleb() === register) answer = true
        return true
      case 0x00: // nop
      case 0x0a: // remember_state
      case 0x0b: // restore_state
      case 0x2d: // AARCH64_negate_ra_state
        return true
      case 0x06: // restore_extended
      case 0x08: // same_value
      case 0x0d: // def_cfa_register
      case 0x0e: // def_cfa_offset
      case 0x13: // def_cfa_offset_sf
      case 0x2e: // GNU_args_size
        cursor.uleb()
        return true
      case 0x05: // offset_extended
      case 0x09: // register
      case 0x0c: // def_cfa
      case 0x11: // offset_extended_sf
      case 0x12: // def_cfa_sf
      case 0x14: // val_offset
      case 0x15: // val_offset_sf
        cursor.uleb()
        cursor.uleb()
        return true
      case 0x0f: // def_cfa_expression
        cursor.skip(cursor.uleb())
        return true
      case 0x10: // expression
      case 0x16: // val_expression
        cursor.uleb()
        cursor.skip(cursor.uleb())
        return true
      default:
        return false
    }
  }
}

const EMPTY = Buffer.alloc(0)

/** Reads forward; beyond the end it answers zeros and says so once in `overrun`. */
export class Cursor {
  at: number
  overrun = false
  readonly #bytes: Buffer
  #end: number

  constructor(bytes: Buffer, at: number, end = bytes.length) {
    this.#bytes = bytes
    this.at = at
    this.#end = end
  }

  /** To read another part of the same bytes. */
  moveTo(at: number, end: number): void {
    this.at = at
    this.#end = Math.min(end, this.#bytes.length)
    this.overrun = false
  }

  get atEnd(): boolean {
    return this.at >= this.#end
  }

  u8(): number {
    return this.#take(1) ? (this.#bytes[this.at - 1] as number) : 0
  }

  u16(): number {
    return this.#take(2) ? this.#bytes.readUInt16LE(this.at - 2) : 0
  }

  i16(): number {
    return this.#take(2) ? this.#bytes.readInt16LE(this.at - 2) : 0
  }

  u32(): number {
    return this.#take(4) ? this.#bytes.readUInt32LE(this.at - 4) : 0
  }

  i32(): number {
    return this.#take(4) ? this.#bytes.readInt32LE(this.at - 4) : 0
  }

  u64(): number {
    return this.#take(8) ? word(this.#bytes, this.at - 8) : 0
  }

  /** A distance; one that needs more than 53 bits leads nowhere. */
  i64(): number {
    if (!this.#take(8)) return 0
    return (
      this.#bytes.readInt32LE(this.at - 4) * 0x1_0000_0000 + this.#bytes.readUInt32LE(this.at - 8)
    )
  }

  /** LEB128, unsigned; small values are all that is ever needed. */
  uleb(): number {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = this.u8()
      value += (byte & 127) * shift
      if ((byte & 128) === 0 || shift > 2 ** 40) return value
    }
  }

  /** LEB128, signed. */
  sleb(): number {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = this.u8()
      value += (byte & 127) * shift
      if ((byte & 128) !== 0 && shift <= 2 ** 40) continue
      return (byte & 64) === 0 ? value : value - shift * 128
    }
  }

  /** A view of the next `count` bytes; empty when there are not so many. */
  bytes(count: number): Buffer {
    return this.#take(count) ? this.#bytes.subarray(this.at - count, this.at) : EMPTY
  }

  skip(count: number): void {
    this.#take(count)
  }

  #take(count: number): boolean {
    if (this.at + count > this.#end) {
      this.overrun = true
      this.at = this.#end
      return false
    }
    this.at += count
    return true
  }
}
