import { CFA } from '../kernel/unwind-layout.ts'
import { Cursor } from '../symbolize/call-frame.ts'
import { EM_AARCH64, EM_X86_64 } from '../symbolize/elf.ts'

// What is known at one instruction: how to find the caller's frame (CFA, the value of the stack pointer
// before the call), the caller's frame pointer and the return address.

/** DWARF's numbers of the registers that are followed. */
export type Registers = {
  readonly stackPointer: number
  readonly framePointer: number
  readonly returnAddress: number
}

// "DWARF Register Number Mapping" in the System V ABI for AMD64, and DWARF for the Arm 64-bit
// Architecture: https://github.com/ARM-software/abi-aa/blob/main/aadwarf64/aadwarf64.rst
const X86_64: Registers = { stackPointer: 7, framePointer: 6, returnAddress: 16 }
const AARCH64: Registers = { stackPointer: 31, framePointer: 29, returnAddress: 30 }

/** Null for processors whose frames are not known here. */
export function registersOf(machine: number): Registers | null {
  if (machine === EM_X86_64) return X86_64
  return machine === EM_AARCH64 ? AARCH64 : null
}

/** Where a register of the caller is. */
export const SAVED = {
  /** Still in the register. */
  same: 0,
  atCfa: 1, // [CFA + offset]
  /** There is none: for the return address, the thread began here. */
  undefined: 2,
  atFramePointer: 3, // [fp + offset]
  /** Somewhere, but not where we could follow. */
  other: 4,
} as const

export type FrameState = {
  /** One of CFA; none for another register or expression. */
  cfa: number
  cfaOffset: number
  /** One of SAVED, as the return address's. */
  framePointer: number
  framePointerOffset: number
  returnAddress: number
  returnAddressOffset: number
}

export function makeFrameState(): FrameState {
  return {
    ...{ cfa: CFA.none, cfaOffset: 0 },
    ...{ framePointer: SAVED.same, framePointerOffset: 0 },
    ...{ returnAddress: SAVED.same, returnAddressOffset: 0 },
  }
}

export function copyFrameState(to: FrameState, from: FrameState): void {
  to.cfa = from.cfa
  to.cfaOffset = from.cfaOffset
  to.framePointer = from.framePointer
  to.framePointerOffset = from.framePointerOffset
  to.returnAddress = from.returnAddress
  to.returnAddressOffset = from.returnAddressOffset
}

// DWARF expressions, of which compilers and linkers write the same few.
const OP_BREG_X86_RBP = 0x76
const OP_BREG_X86_RSP = 0x77
const OP_DEREF = 0x06
const OP_PLUS_UCONST = 0x23
// breg7 8; breg16 0; lit15; and; lit<n>; ge; lit3; shl; plus: a PLT stub pushes in its second half.
const PLT_HEAD = Buffer.from([OP_BREG_X86_RSP, 8, 0x80, 0, 0x3f, 0x1a])
const PLT_TAIL = Buffer.from([0x2a, 0x33, 0x24, 0x22])
const OP_LIT0 = 0x30

/** DW_CFA_def_cfa_expression. Only x86-64 has any. */
export function setCfaExpression(state: FrameState, expression: Buffer): void {
  state.cfa = CFA.none
  state.cfaOffset = 0
  const stub = pltBoundary(expression)
  if (stub !== null) {
    state.cfa = CFA.plt
    state.cfaOffset = stub
    return
  }
  const base = expression[0]
  if (base !== OP_BREG_X86_RBP && base !== OP_BREG_X86_RSP) return
  const cursor = new Cursor(expression, 1)
  const offset = cursor.sleb()
  const rest = expression.subarray(cursor.at)
  if (cursor.overrun || rest[0] !== OP_DEREF) return
  const isPlus8 = rest.length === 3 && rest[1] === OP_PLUS_UCONST && rest[2] === 8
  if (rest.length !== 1 && !isPlus8) return
  state.cfaOffset = offset
  if (base === OP_BREG_X86_RBP) state.cfa = isPlus8 ? CFA.atFp8 : CFA.atFp
  else state.cfa = isPlus8 ? CFA.atSp8 : CFA.atSp
}

function pltBoundary(expression: Buffer): number | null {
  if (expression.length !== 11) return null
  if (!expression.subarray(0, 6).equals(PLT_HEAD) || !expression.subarray(7).equals(PLT_TAIL))
    return null
  const boundary = (expression[6] as number) - OP_LIT0
  return boundary >= 0 && boundary < 16 ? boundary : null
}

/** DW_CFA_expression of the frame pointer: gcc saves it at an address relative to itself. */
export function setFramePointerExpression(state: FrameState, expression: Buffer): void {
  const cursor = new Cursor(expression, 1)
  const offset = cursor.sleb()
  const isRelative = expression[0] === OP_BREG_X86_RBP && cursor.atEnd && !cursor.overrun
  state.framePointer = isRelative ? SAVED.atFramePointer : SAVED.other
  state.framePointerOffset = isRelative ? offset : 0
}
