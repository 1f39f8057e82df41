import { CFA } from '../kernel/unwind-layout.ts'
import { Cursor } from '../symbolize/call-frame.ts'
import type { Cie } from '../symbolize/eh-frame.ts'
import {
  copyFrameState,
  type FrameState,
  makeFrameState,
  type Registers,
  SAVED,
  setCfaExpression,
  setFramePointerExpression,
} from './frame-state.ts'
import { type Place, readAddress } from './read-pointer.ts'

// gcc nests two; only somebody who wants to hurt nests more.
const MAX_REMEMBERED = 64

export type RunOptions = {
  readonly cie: Cie
  /** Where the instructions are in the bytes. */
  readonly from: number
  readonly to: number
  /** The addresses they are about: [start, end). */
  readonly start: number
  readonly end: number
  /** What the instructions of the CIE left: there they begin, and DW_CFA_restore goes back to it. */
  readonly initial: FrameState
}

/**
 * Runs call frame instructions. One object runs those of many functions: making one for each would be
 * most of the work. https://dwarfstd.org/doc/DWARF5.pdf, section 6.4.2
 */
export class FrameProgram {
  /** As it is where the instructions have got to. */
  readonly state: FrameState = makeFrameState()
  readonly #registers: Registers
  readonly #place: Place
  readonly #onRow: (from: number, to: number) => void
  readonly #cursor: Cursor
  readonly #remembered: FrameState[] = []
  #initial: FrameState = this.state
  #pc = 0
  #end = 0

  /** `onRow`: `state` holds for [from, to); called in order, also where nothing changed. */
  constructor(
    bytes: Buffer,
    place: Place,
    registers: Registers,
    onRow: (from: number, to: number) => void,
  ) {
    this.#registers = registers
    this.#place = place
    this.#onRow = onRow
    this.#cursor = new Cursor(bytes, 0)
  }

  /** Where the instructions have got to; `end` when they were understood to their end. */
  get pc(): number {
    return this.#pc
  }

  /** False for instructions that are not understood; the rows told by then stand. */
  run({ cie, from, to, start, end, initial }: RunOptions): boolean {
    const cursor = this.#cursor
    cursor.moveTo(from, to)
    copyFrameState(this.state, initial)
    this.#remembered.length = 0
    this.#initial = initial
    this.#pc = start
    this.#end = end
    while (!cursor.atEnd && this.#pc < end) {
      const opcode = cursor.u8()
      const low = opcode & 63
      let isUnderstood = true
      if (opcode >> 6 === 1) isUnderstood = this.#advance(low * cie.codeAlignment)
      else if (opcode >> 6 === 2) this.#save(low, cursor.uleb() * cie.dataAlignment)
      else if (opcode >> 6 === 3) this.#restore(low)
      else isUnderstood = this.#runExtended(opcode, cie)
      if (!isUnderstood || cursor.overrun) return false
    }
    return this.#advance(end - this.#pc)
  }

  #runExtended(opcode: number, cie: Cie): boolean {
    const cursor = this.#cursor
    switch (opcode) {
      case 0x00: // nop
        return true
      case 0x01: // set_loc
        return this.#advance(readAddress(cursor, cie.pointerEncoding, this.#place) - this.#pc)
      case 0x02: // advance_loc1
        return this.#advance(cursor.u8() * cie.codeAlignment)
      case 0x03: // advance_loc2
        return this.#advance(cursor.u16() * cie.codeAlignment)
      case 0x04: // advance_loc4
        return this.#advance(cursor.u32() * cie.codeAlignment)
      case 0x05: // offset_extended
        this.#save(cursor.uleb(), cursor.uleb() * cie.dataAlignment)
        return true
      case 0x06: // restore_extended
        this.#restore(cursor.uleb())
        return true
      case 0x07: // undefined
        this.#setRule(cursor.uleb(), SAVED.undefined, 0)
        return true
      case 0x08: // same_value
        this.#setRule(cursor.uleb(), SAVED.same, 0)
        return true
      case 0x09: // register
        this.#setRule(cursor.uleb(), SAVED.other, 0)
        cursor.uleb()
        return true
      case 0x0a: // remember_state
        return this.#remember()
      case 0x0b: // restore_state
        return this.#recall()
      case 0x0c: // def_cfa
        this.#setCfa(cursor.uleb(), cursor.uleb())
        return true
      case 0x0d: // def_cfa_register
        this.#setCfa(cursor.uleb(), this.state.cfaOffset)
        return true
      case 0x0e: // def_cfa_offset
        this.state.cfaOffset = cursor.uleb()
        return true
      case 0x0f: // def_cfa_expression
        setCfaExpression(this.state, cursor.bytes(cursor.uleb()))
        return true
      case 0x10: // expression
        this.#setExpression(cursor.uleb(), cursor.bytes(cursor.uleb()))
        return true
      case 0x11: // offset_extended_sf
        this.#save(cursor.uleb(), cursor.sleb() * cie.dataAlignment)
        return true
      case 0x12: // def_cfa_sf
        this.#setCfa(cursor.uleb(), cursor.sleb() * cie.dataAlignment)
        return true
      case 0x13: // def_cfa_offset_sf
        this.state.cfaOffset = cursor.sleb() * cie.dataAlignment
        return true
      case 0x14: // val_offset
      case 0x15: // val_offset_sf
        this.#setRule(cursor.uleb(), SAVED.other, 0)
        cursor.uleb()
        return true
      case 0x16: // val_expression
        this.#setRule(cursor.uleb(), SAVED.other, 0)
        cursor.skip(cursor.uleb())
        return true
      case 0x2d: // AARCH64_negate_ra_state: the walk strips the signature of every return address.
        return true
      case 0x2e: // GNU_args_size
        cursor.uleb()
        return true
      case 0x2f: // GNU_negative_offset_extended
        this.#save(cursor.uleb(), -cursor.uleb() * cie.dataAlignment)
        return true
      default:
        return false
    }
  }

  // Going back is not understood.
  #advance(distance: number): boolean {
    if (!(distance >= 0)) return false
    const from = this.#pc
    this.#pc = Math.min(this.#end, from + distance)
    if (this.#pc > from) this.#onRow(from, this.#pc)
    return true
  }

  #setCfa(register: number, offset: number): void {
    if (register === this.#registers.stackPointer) this.state.cfa = CFA.sp
    else if (register === this.#registers.framePointer) this.state.cfa = CFA.fp
    else this.state.cfa = CFA.none
    this.state.cfaOffset = offset
  }

  #save(register: number, offset: number): void {
    this.#setRule(register, SAVED.atCfa, offset)
  }

  #setRule(register: number, rule: number, offset: number): void {
    const state = this.state
    if (register === this.#registers.framePointer) {
      state.framePointer = rule
      state.framePointerOffset = offset
    } else if (register === this.#registers.returnAddress) {
      state.returnAddress = rule
      state.returnAddressOffset = offset
    }
  }

  #restore(register: number): void {
    const { framePointer, framePointerOffset, returnAddress, returnAddressOffset } = this.#initial
    if (register === this.#registers.framePointer)
      this.#setRule(register, framePointer, framePointerOffset)
    else this.#setRule(register, returnAddress, returnAddressOffset)
  }

  #setExpression(register: number, expression: Buffer): void {
    if (register === this.#registers.framePointer) setFramePointerExpression(this.state, expression)
    else this.#setRule(register, SAVED.other, 0)
  }

  #remember(): boolean {
    if (this.#remembered.length === MAX_REMEMBERED) return false
    this.#remembered.push({ ...this.state })
    return true
  }

  #recall(): boolean {
    const former = this.#remembered.pop()
    if (former === undefined) return false
    copyFrameState(this.state, former)
    return true
  }
}

/** What the instructions of `cie`, whose entry is `bytes`, leave; null when they are not understood. */
export function runCie(bytes: Buffer, cie: Cie, registers: Registers): FrameState | null {
  const program = new FrameProgram(bytes, { vaddr: 0, base: 0 }, registers, () => undefined)
  const isUnderstood = program.run({
    ...{ cie, from: cie.instructionsAt, to: bytes.length },
    ...{ start: 0, end: 1, initial: makeFrameState() },
  })
  return isUnderstood ? program.state : null
}
