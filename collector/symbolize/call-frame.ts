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

/** Reads forward; beyond the end it answers zeros and says so once in `overrun`. */
export class Cursor {
  at: number
  overrun = false
  readonly #bytes: Buffer

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  get atEnd(): boolean {
    return this.at >= this.#bytes.length
  }

  u8(): number {
    return this.#take(1) ? (this.#bytes[this.at - 1] as number) : 0
  }

  i32(): number {
    return this.#take(4) ? this.#bytes.readInt32LE(this.at - 4) : 0
  }

  u64(): number {
    return this.#take(8) ? word(this.#bytes, this.at - 8) : 0
  }

  /** LEB128; only small values are ever needed, so the sign of a signed one does not matter. */
  uleb(): number {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = this.u8()
      value += (byte & 127) * shift
      if ((byte & 128) === 0 || shift > 2 ** 40) return value
    }
  }

  skip(count: number): void {
    this.#take(count)
  }

  #take(count: number): boolean {
    if (this.at + count > this.#bytes.length) {
      this.overrun = true
      this.at = this.#bytes.length
      return false
    }
    this.at += count
    return true
  }
}
