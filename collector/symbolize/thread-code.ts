import { EM_AARCH64, EM_X86_64 } from './elf.ts'

// Machine code that calls a thread's own function and ends the thread after it.

export type CodeRange = { readonly start: number; readonly end: number }

export type ThreadCode = {
  /**
   * Calls through a pointer whose result goes straight to exit(2), or to one of the functions at
   * `exits`. Offsets within `code`, which lies at `vaddr`; `exits` are addresses.
   */
  readonly findFinalCalls: (code: Buffer, vaddr: number, exits: readonly number[]) => CodeRange[]
  /** Offsets of exit(2) system calls that are repeated for ever. */
  readonly findExitLoops: (code: Buffer) => number[]
  /** Whether a function calls through a pointer at all. */
  readonly callsPointer: (body: Buffer) => boolean
}

/** Null for other machines: their threads are known by unwind information and by name. */
export function threadCodeOf(machine: number): ThreadCode | null {
  return MACHINES[machine] ?? null
}

/** No pattern is longer than this. */
export const PATTERN_BYTES = 64

const X86_64: ThreadCode = {
  findFinalCalls(code, vaddr, exits) {
    const found: CodeRange[] = []
    // mov %eax, %edi; mov %rax, %rdi; movslq %eax, %rdi.
    for (const move of [Buffer.from([0x89, 0xc7]), Buffer.from([0x48, 0x63, 0xf8])])
      for (const at of findAll(code, move)) {
        const wide = move.length === 2 && code[at - 1] === 0x48 ? 1 : 0
        const end = at - wide
        const size = pointerCallBytes(code, end)
        if (size > 0 && endsThread(code, at + move.length, vaddr, exits))
          found.push({ start: end - size, end })
      }
    return found
  },

  // syscall; jmp back (short). Before it `mov $60, %reg`, of any register.
  findExitLoops(code) {
    return findAll(code, Buffer.from([0x0f, 0x05, 0xeb])).filter((at) => {
      if ((code[at + 3] ?? 0) < 0x80) return false
      for (let i = Math.max(0, at - 32); i + 5 <= at; i++)
        if (((code[i] as number) & 0xf8) === 0xb8 && code.readUInt32LE(i + 1) === 60) return true
      return false
    })
  },

  callsPointer(body) {
    for (let at = body.indexOf(0xff); at >= 0; at = body.indexOf(0xff, at + 1))
      if (((body[at + 1] ?? 0) & 0x38) === 0x10) return true
    return false
  },
}

// The length of a `call *…` (ff /2, a REX prefix before it does not matter) that ends at `end`.
function pointerCallBytes(code: Buffer, end: number): number {
  for (let size = 2; size <= 7 && size <= end; size++)
    if (code[end - size] === 0xff && operandBytes(code[end - size + 1] as number) === size - 1)
      return size
  return 0
}

// Bytes of ModRM, SIB and displacement of a call; 0 when it is another instruction.
function operandBytes(modRm: number): number {
  if ((modRm & 0x38) !== 0x10) return 0
  const mode = modRm >> 6
  const register = modRm & 7
  if (mode === 3) return 1
  const sib = register === 4 ? 1 : 0
  const displacement = mode === 1 ? 1 : mode === 2 || register === 5 ? 4 : 0
  return 1 + sib + displacement
}

// call exit; or: [xor %eax, %eax;] mov $60, %eax or %al; syscall.
function endsThread(code: Buffer, at: number, vaddr: number, exits: readonly number[]): boolean {
  if (at + 9 > code.length) return false
  if (code[at] === 0xe8) return exits.includes(vaddr + at + 5 + code.readInt32LE(at + 1))
  const load = code[at] === 0x31 && code[at + 1] === 0xc0 ? at + 2 : at
  const short = code[load] === 0xb0 && code[load + 1] === 60
  const long = code[load] === 0xb8 && code.readUInt32LE(load + 1) === 60
  const call = load + (short ? 2 : 5)
  return (short || long) && code[call] === 0x0f && code[call + 1] === 0x05
}

const MOV_X8_93 = 0xd2800ba8
const SVC = Buffer.from([0x01, 0x00, 0x00, 0xd4])

const AARCH64: ThreadCode = {
  // blr; [mov x0, x0 and the like;] bl exit. Or: blr; mov x8, #93; svc #0.
  findFinalCalls(code, vaddr, exits) {
    const found: CodeRange[] = []
    for (let at = 0; at + 12 <= code.length; at += 4) {
      if (!isBlr(code.readUInt32LE(at))) continue
      const next = code.readUInt32LE(at + 4)
      const system = next === MOV_X8_93 && code.readUInt32LE(at + 8) === 0xd4000001
      if (system || isCallTo(next, vaddr + at + 4, exits) || callsNext(code, at, vaddr, exits))
        found.push({ start: at, end: at + 4 })
    }
    return found
  },

  // svc #0; b back. Before it `mov x8, #93`.
  findExitLoops(code) {
    return findAll(code, SVC).filter((at) => {
      if (at % 4 !== 0 || at + 8 > code.length) return false
      if ((code.readUInt32LE(at + 4) & 0xfe000000) >>> 0 !== 0x16000000) return false
      for (let i = Math.max(0, at - 32); i < at; i += 4)
        if (code.readUInt32LE(i) === MOV_X8_93) return true
      return false
    })
  },

  callsPointer(body) {
    for (let at = 0; at + 4 <= body.length; at += 4) if (isBlr(body.readUInt32LE(at))) return true
    return false
  },
}

function isBlr(instruction: number): boolean {
  return (instruction & 0xfffffc1f) >>> 0 === 0xd63f0000
}

function isCallTo(instruction: number, vaddr: number, exits: readonly number[]): boolean {
  if ((instruction & 0xfc000000) >>> 0 !== 0x94000000) return false
  return exits.includes(vaddr + ((instruction << 6) >> 4))
}

// One instruction between, which widens the result: sxtw x0, w0.
function callsNext(code: Buffer, at: number, vaddr: number, exits: readonly number[]): boolean {
  return (
    code.readUInt32LE(at + 4) === 0x93407c00 &&
    isCallTo(code.readUInt32LE(at + 8), vaddr + at + 8, exits)
  )
}

const MACHINES: Readonly<Record<number, ThreadCode>> = {
  [EM_X86_64]: X86_64,
  [EM_AARCH64]: AARCH64,
}

function findAll(code: Buffer, bytes: Buffer): number[] {
  const found: number[] = []
  for (let at = code.indexOf(bytes); at >= 0; at = code.indexOf(bytes, at + 1)) found.push(at)
  return found
}
