import { type ByteSource, readExactly } from './byte-source.ts'
import { type FdeIndex, findFde, findOutermost } from './eh-frame.ts'
import {
  type Elf,
  EM_AARCH64,
  EM_X86_64,
  ET_EXEC,
  PF_X,
  PT_DYNAMIC,
  PT_INTERP,
  PT_LOAD,
  word,
} from './elf.ts'

// Which code begins a thread. A stack that ends anywhere else is broken, so a wrong answer misleads
// in either direction. Names are not enough: distributions strip libc, and the start of a thread is
// in functions that are not exported. Four rules, none of which needs a name:
//
// 1. The entry point of an executable and of the dynamic loader.
// 2. A function whose call frame information leaves the return address undefined from the start:
//    that is how glibc marks _start and the child's part of clone and clone3.
// 3. The function of libc that calls the thread's own function and ends the thread itself:
//    start_thread, and for the main thread __libc_start_call_main (in glibc before 2.34
//    __libc_start_main). It is where a walk by frame pointers ends, because libc keeps none. It is
//    found by the exit(2) system call in an endless loop together with a call through a pointer.
//    __libc_start_main of a newer glibc does neither, so a stack that ends there is broken.
// 4. What is left is known by name: musl, Go and statically linked programs with symbols.

export type CodeRange = { readonly start: number; readonly end: number }

const START_NAMES: ReadonlySet<string> = new Set([
  '_start',
  '__clone',
  'clone',
  '__clone3',
  'clone3',
  'start_thread',
  'thread_start',
  '__libc_start_call_main',
  'runtime.goexit',
  'runtime.goexit.abi0',
  'runtime.rt0_go',
  'runtime.rt0_go.abi0',
  'runtime.mstart',
  'runtime.mstart.abi0',
  'runtime.clone',
  'runtime.clone.abi0',
])

export function isThreadStartName(systemName: string): boolean {
  return START_NAMES.has(systemName)
}

// The longest entry point by hand is ld.so's on x86-64, 61 bytes.
const ENTRY_BYTES = 0x40
// libc has 3,700 functions; a static program with more than this keeps to the other rules.
const MAX_FUNCTIONS = 50_000

/** `source` is read in many small pieces: a buffered one is meant. */
export function findThreadStarts(
  source: ByteSource,
  elf: Elf,
  index: FdeIndex | null,
  baseName: string,
): CodeRange[] {
  const starts: CodeRange[] = []
  const executable = isExecutable(source, elf)
  if (elf.entry !== 0 && (executable || /^ld[-.]/.test(baseName))) {
    const fde = index === null ? null : findFde(source, elf, index, elf.entry)
    starts.push(fde ?? { start: elf.entry, end: elf.entry + ENTRY_BYTES })
  }
  const isStatic = executable && !elf.segments.some((s) => s.type === PT_INTERP)
  if (index !== null && (isStatic || /^(libc|libpthread|ld)[-.]/.test(baseName))) {
    starts.push(...findOutermost(source, elf, index, MAX_FUNCTIONS))
    starts.push(...findThreadFunctions(source, elf, index))
  }
  return starts
}

const DT_FLAGS_1 = 0x6ffffffb
const DF_1_PIE = 0x08000000

function isExecutable(source: ByteSource, elf: Elf): boolean {
  if (elf.type === ET_EXEC || elf.segments.some((s) => s.type === PT_INTERP)) return true
  const dynamic = elf.segments.find((s) => s.type === PT_DYNAMIC)
  if (dynamic === undefined) return true
  const bytes = readExactly(source, dynamic.offset, Math.min(dynamic.fileBytes, 16_384))
  if (bytes === null) return false
  for (let at = 0; at + 16 <= bytes.length; at += 16)
    if (word(bytes, at) === DT_FLAGS_1) return (bytes.readUInt32LE(at + 8) & DF_1_PIE) !== 0
  return false
}

const PIECE_BYTES = 256 << 10
// An exit loop with the load of the system call's number before it is shorter than this.
const OVERLAP_BYTES = 64
const MAX_CODE_BYTES = 8 << 20
const MAX_FUNCTION_BYTES = 16 << 10

function findThreadFunctions(source: ByteSource, elf: Elf, index: FdeIndex): CodeRange[] {
  const code = CODE[elf.machine]
  if (code === undefined) return []
  const found: CodeRange[] = []
  for (const { type, flags, offset, vaddr, fileBytes } of elf.segments) {
    if (type !== PT_LOAD || (flags & PF_X) === 0 || fileBytes > MAX_CODE_BYTES) continue
    for (let at = 0; at < fileBytes; at += PIECE_BYTES - OVERLAP_BYTES) {
      const piece = readExactly(source, offset + at, Math.min(PIECE_BYTES, fileBytes - at))
      if (piece === null) break
      for (const exit of code.findExits(piece)) {
        const fde = findFde(source, elf, index, vaddr + at + exit)
        if (fde === null || fde.end - fde.start > MAX_FUNCTION_BYTES) continue
        const body = readExactly(source, fde.start - vaddr + offset, fde.end - fde.start)
        if (body !== null && code.callsPointer(body)) found.push(fde)
      }
    }
  }
  return found
}

type MachineCode = {
  /** Offsets of exit(2) system calls that are repeated for ever. */
  readonly findExits: (code: Buffer) => number[]
  readonly callsPointer: (body: Buffer) => boolean
}

const CODE: Readonly<Record<number, MachineCode>> = {
  [EM_X86_64]: {
    // syscall; jmp back (short). Before it `mov $60, %reg`, of any register.
    findExits: (code) =>
      findAll(code, Buffer.from([0x0f, 0x05, 0xeb]), (at) => {
        if ((code[at + 3] ?? 0) < 0x80) return false
        for (let i = Math.max(0, at - 32); i + 5 <= at; i++)
          if (((code[i] as number) & 0xf8) === 0xb8 && code.readUInt32LE(i + 1) === 60) return true
        return false
      }),
    // call through a register or memory: ff /2.
    callsPointer: (body) => {
      for (let i = 0; i + 1 < body.length; i++)
        if (body[i] === 0xff && ((body[i + 1] as number) & 0x38) === 0x10) return true
      return false
    },
  },
  [EM_AARCH64]: {
    // svc #0; b back. Before it `mov x8, #93`.
    findExits: (code) =>
      findAll(code, Buffer.from([0x01, 0x00, 0x00, 0xd4]), (at) => {
        if (at % 4 !== 0 || at + 8 > code.length) return false
        if ((code.readUInt32LE(at + 4) & 0xfe000000) >>> 0 !== 0x16000000) return false
        for (let i = Math.max(0, at - 32); i < at; i += 4)
          if (code.readUInt32LE(i) === 0xd2800ba8) return true
        return false
      }),
    // blr.
    callsPointer: (body) => {
      for (let i = 0; i + 4 <= body.length; i += 4)
        if ((body.readUInt32LE(i) & 0xfffffc1f) >>> 0 === 0xd63f0000) return true
      return false
    },
  },
}

function findAll(code: Buffer, bytes: Buffer, accept: (at: number) => boolean): number[] {
  const found: number[] = []
  for (let at = code.indexOf(bytes); at >= 0; at = code.indexOf(bytes, at + 1))
    if (accept(at)) found.push(at)
  return found
}
