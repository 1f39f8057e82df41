import { type ByteSource, readExactly } from './byte-source.ts'
import { type FdeIndex, findFde, findOutermost } from './eh-frame.ts'
import {
  type Elf,
  type ElfSegment,
  ET_EXEC,
  PF_X,
  PT_DYNAMIC,
  PT_INTERP,
  PT_LOAD,
  word,
} from './elf.ts'
import { type CodeRange, PATTERN_BYTES, type ThreadCode, threadCodeOf } from './thread-code.ts'

// Which code begins a thread. A stack that ends anywhere else is broken, so a wrong answer misleads
// in either direction. Names are not enough: distributions strip libc, and what begins a thread is
// not exported. Of the executable, the dynamic loader and the C library therefore:
//
// 1. The entry point.
// 2. Functions whose call frame information leaves the return address undefined from the start: that
//    is how glibc marks _start and the child's part of clone and clone3.
// 3. Calls through a pointer whose result goes straight to exit(3), pthread_exit or exit(2): the child
//    in musl's clone, musl's `start`, and what calls main (glibc's __libc_start_call_main, before
//    2.34 __libc_start_main; musl's libc_start_main_stage2).
// 4. Functions that call through a pointer and end the thread in a loop of exit(2): glibc's start_thread.
//
// 3 and 4 are where a walk by frame pointers ends, since C libraries keep none on x86-64.
// __libc_start_main of glibc 2.34 and later is none of these: a stack that ends there is broken.
// The same files' functions are known by name too, where they have symbols; a program may well have a
// start_thread of its own. Names of Go's runtime mean the same everywhere.

const STARTS: ReadonlySet<string> = new Set([
  '_start',
  'start_thread',
  'thread_start',
  '__libc_start_call_main',
])
const STARTS_OF_GO: ReadonlySet<string> = new Set([
  'runtime.goexit',
  'runtime.goexit.abi0',
  'runtime.rt0_go',
  'runtime.rt0_go.abi0',
  'runtime.mstart',
  'runtime.mstart.abi0',
  'runtime.clone',
  'runtime.clone.abi0',
])
// These begin one for the child only. The parent is in a system call there and calls nothing.
const STARTS_OF_CALLERS: ReadonlySet<string> = new Set(['clone', '__clone', 'clone3', '__clone3'])

export class ThreadStarts {
  readonly #ranges: readonly CodeRange[]
  readonly #ownsNames: boolean

  /** `ownsNames`: the C library's names mean the C library's functions. */
  constructor(ranges: readonly CodeRange[], ownsNames: boolean) {
    this.#ranges = ranges
    this.#ownsNames = ownsNames
  }

  has(vaddr: number, systemName: string, isLeaf: boolean): boolean {
    if (STARTS_OF_GO.has(systemName)) return true
    if (this.#ownsNames && STARTS.has(systemName)) return true
    if (this.#ownsNames && !isLeaf && STARTS_OF_CALLERS.has(systemName)) return true
    return this.#ranges.some(({ start, end }) => vaddr >= start && vaddr < end)
  }
}

export type ThreadImage = {
  /** Read in many small pieces: a buffered one is meant. */
  readonly source: ByteSource
  readonly elf: Elf
  readonly index: FdeIndex | null
  readonly baseName: string
  /** The addresses of functions by their names in the file. */
  readonly findSymbols: (names: ReadonlySet<string>) => number[]
}

const EXITS: ReadonlySet<string> = new Set(['exit', 'pthread_exit'])
// The longest entry point without unwind information is that of Node on arm64; ld.so's on x86-64 has 61 bytes.
const ENTRY_BYTES = 80
// libc has 3,700 functions; a static program with more than this keeps to the other rules.
const MAX_FUNCTIONS = 50_000

export function findThreadStarts(image: ThreadImage): ThreadStarts {
  const { source, elf, index } = image
  const executable = isExecutable(source, elf)
  const starts: CodeRange[] = []
  if (elf.entry !== 0 && (executable || /^ld[-.]/.test(image.baseName))) {
    const fde = index === null ? null : findFde(source, elf, index, elf.entry)
    starts.push(fde ?? { start: elf.entry, end: elf.entry + ENTRY_BYTES })
  }
  const isStatic = executable && !elf.segments.some((s) => s.type === PT_INTERP)
  const ownsNames = isStatic || /^(libc|libpthread|ld)[-.]/.test(image.baseName)
  if (ownsNames) {
    if (index !== null) starts.push(...findOutermost(source, elf, index, MAX_FUNCTIONS))
    starts.push(...findInCode(image))
  }
  return new ThreadStarts(starts, ownsNames)
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
// A C library has 1.4 MB of code, two exit functions, and four places that begin a thread.
const MAX_CODE_BYTES = 8 << 20
const MAX_EXITS = 8
const MAX_FOUND = 64
const MAX_FUNCTION_BYTES = 16 << 10

function findInCode(image: ThreadImage): CodeRange[] {
  const threadCode = threadCodeOf(image.elf.machine)
  // Linkers make one segment of code; where there are more, the C library is in the largest.
  const [segment] = image.elf.segments
    .filter(({ type, flags }) => type === PT_LOAD && (flags & PF_X) !== 0)
    .sort((a, b) => b.fileBytes - a.fileBytes)
  if (threadCode === null || segment === undefined) return []
  if (segment.fileBytes > MAX_CODE_BYTES) return []
  const exits = image.findSymbols(EXITS).slice(0, MAX_EXITS)
  const found: CodeRange[] = []
  const { fileBytes } = segment
  for (let at = 0; at < fileBytes && found.length < MAX_FOUND; at += PIECE_BYTES - PATTERN_BYTES) {
    const length = Math.min(PIECE_BYTES, fileBytes - at)
    const code = readExactly(image.source, segment.offset + at, length)
    if (code === null) break
    const base = segment.vaddr + at
    for (const { start, end } of threadCode.findFinalCalls(code, base, exits))
      found.push({ start: base + start, end: base + end })
    for (const loop of threadCode.findExitLoops(code).slice(0, MAX_FOUND)) {
      const range = findThreadFunction(image, threadCode, segment, base + loop)
      if (range !== null) found.push(range)
    }
  }
  return found.slice(0, MAX_FOUND)
}

function findThreadFunction(
  { source, elf, index }: ThreadImage,
  threadCode: ThreadCode,
  segment: ElfSegment,
  vaddr: number,
): CodeRange | null {
  const fde = index === null ? null : findFde(source, elf, index, vaddr)
  if (fde === null || fde.end - fde.start > MAX_FUNCTION_BYTES) return null
  const position = fde.start - segment.vaddr + segment.offset
  const body = readExactly(source, position, fde.end - fde.start)
  return body !== null && threadCode.callsPointer(body) ? fde : null
}
