import { CFA, FP } from '../kernel/unwind-layout.ts'
import { EM_AARCH64 } from '../symbolize/elf.ts'
import { type FrameState, SAVED } from './frame-state.ts'

// The second word of a struct unwind_row: i16 cfa_offset, u8 types, i8 fp_offset.

/** No rule: one step by frame pointers. */
export const NO_RULE = packRule(CFA.none, 0, FP.same, 0)
export const SIGNAL_RULE = packRule(CFA.signal, 0, FP.same, 0)
// jmp *slot(%rip), 6 bytes; push, 5; jmp
const PUSHED_AT = 11
const END_RULE = packRule(CFA.end, 0, FP.same, 0)

/** NO_RULE where the walk could not follow or the row has no room for an offset. */
export function encodeRule(machine: number, state: FrameState): number {
  if (state.returnAddress === SAVED.undefined) return END_RULE
  return machine === EM_AARCH64 ? encodeAarch64(state) : encodeX86(state)
}

/** In a stub that jumps to another file: on x86-64 its last instructions push a word, on arm64 none does. */
export function stubRule(machine: number): number {
  if (machine === EM_AARCH64) return packRule(CFA.sp, 0, FP.same, 0)
  return packRule(CFA.plt, PUSHED_AT, FP.same, 0)
}

function encodeX86(state: FrameState): number {
  if (state.cfa === CFA.none) return NO_RULE
  // The call pushed it there, so nobody says anything else.
  if (state.returnAddress !== SAVED.atCfa || state.returnAddressOffset !== -8) return NO_RULE
  // The boundary in a PLT stub is as it is, the other offsets are in words.
  const cfaOffset = state.cfa === CFA.plt ? state.cfaOffset : toCfaWords(state.cfaOffset)
  if (cfaOffset === null) return NO_RULE
  if (state.framePointer === SAVED.same) return packRule(state.cfa, cfaOffset, FP.same, 0)
  const fpOffset = toFpWords(state.framePointerOffset)
  if (fpOffset !== null && state.framePointer === SAVED.atCfa)
    return packRule(state.cfa, cfaOffset, FP.atCfa, fpOffset)
  if (fpOffset !== null && state.framePointer === SAVED.atFramePointer)
    return packRule(state.cfa, cfaOffset, FP.atFp, fpOffset)
  return packRule(state.cfa, cfaOffset, FP.undefined, 0)
}

function encodeAarch64(state: FrameState): number {
  const { cfa, framePointer, framePointerOffset, returnAddress, returnAddressOffset } = state
  const cfaOffset = cfa === CFA.sp || cfa === CFA.fp ? toCfaWords(state.cfaOffset) : null
  if (cfaOffset === null) return NO_RULE
  const fpOffset = framePointer === SAVED.atCfa ? toFpWords(framePointerOffset) : null
  if (returnAddress === SAVED.same) {
    if (framePointer === SAVED.same) return packRule(cfa, cfaOffset, FP.same, 0)
    if (fpOffset !== null) return packRule(cfa, cfaOffset, FP.atCfaLrSame, fpOffset)
    return packRule(cfa, cfaOffset, FP.undefined, 0)
  }
  if (returnAddress !== SAVED.atCfa) return NO_RULE
  if (framePointer === SAVED.atCfa && returnAddressOffset === framePointerOffset + 8) {
    if (fpOffset !== null) return packRule(cfa, cfaOffset, FP.atCfa, fpOffset)
    const baseOffset = toFpWords(state.cfaOffset + framePointerOffset)
    return baseOffset === null ? NO_RULE : packRule(cfa, cfaOffset, FP.atBase, baseOffset)
  }
  const lrOffset = toFpWords(returnAddressOffset)
  if (lrOffset === null) return NO_RULE
  const fp = framePointer === SAVED.same ? FP.sameLrAtCfa : FP.undefinedLrAtCfa
  return packRule(cfa, cfaOffset, fp, lrOffset)
}

function toCfaWords(bytes: number): number | null {
  return toWords(bytes, 0x8000)
}

function toFpWords(bytes: number): number | null {
  return toWords(bytes, 0x80)
}

function toWords(bytes: number, limit: number): number | null {
  const words = bytes / 8
  return Number.isInteger(words) && words >= -limit && words < limit ? words : null
}

function packRule(cfa: number, cfaOffset: number, fp: number, fpOffset: number): number {
  return ((cfaOffset & 0xffff) | ((cfa | (fp << 4)) << 16) | ((fpOffset & 0xff) << 24)) >>> 0
}
