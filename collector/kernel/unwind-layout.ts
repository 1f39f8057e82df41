// bpf/unwind.h in TypeScript: tests/kernel/unwind-layout.test.ts compiles the header and compares.

export const MOST_TABLES = 4096
export const MOST_PROCESSES = 4096
export const MOST_MAPPINGS = 128
export const PAGE_SHIFT = 12

/** In the place of a table id: no table (yet), so frame pointers. */
export const TABLE_UNKNOWN = 0
/** In the place of a table id: code without a file. */
export const TABLE_FRAME_POINTERS = 0xffffffff

export const TABLE_MAP_FLAGS = 0x1400

/** enum unwind_cfa. */
export const CFA = {
  none: 0,
  sp: 1,
  fp: 2,
  plt: 3,
  atFp: 4,
  atSp: 5,
  signal: 6,
  end: 7,
  atFp8: 8,
  atSp8: 9,
} as const

/** enum unwind_fp. */
export const FP = {
  same: 0,
  atCfa: 1,
  undefined: 2,
  atFp: 3,
  sameLrAtCfa: 4,
  undefinedLrAtCfa: 5,
  atCfaLrSame: 6,
  atBase: 7,
} as const

/** struct unwind_row, in bytes. */
export const ROW = { pc: 0, cfaOffset: 4, types: 6, fpOffset: 7, bytes: 8 } as const

/** struct unwind_page, in bytes. */
export const PAGE = { first: 0, last: 4, bytes: 8 } as const

/** Values of 8 bytes in a line of a table. */
export const LINE_VALUES = 8

/** struct unwind_mapping, in bytes. */
export const MAPPING = {
  start: 0,
  end: 8,
  bias: 16,
  table: 24,
  rows: 28,
  page0: 32,
  pages: 36,
  bytes: 40,
} as const

/** struct unwind_process, in bytes. */
export const PROCESS = {
  mappingsUsed: 0,
  quiet: 4,
  mappings: 8,
  bytes: 8 + MOST_MAPPINGS * MAPPING.bytes,
} as const

/** struct unwind_key, in bytes. */
export const PROCESS_KEY = { startTime: 0, tgid: 8, program: 12, bytes: 16 } as const

/** enum unwind_end. */
export const UNWIND_ENDS = [
  'framePointers',
  'whole',
  'depth',
  'noMapping',
  'noTable',
  'noRow',
  'unsupported',
  'readFailed',
] as const
export type UnwindEnd = (typeof UNWIND_ENDS)[number]

/** One run of one program: what an entry of the process map is for. */
export type ProgramRun = {
  readonly tgid: number
  /** Start of the thread group in ns since boot (CLOCK_BOOTTIME). */
  readonly startTimeNs: bigint
  /** Changes when the process executes another program; the number itself means nothing. */
  readonly program: number
}

/** Their descriptors, which are those of the whole process: of all its threads. */
export type UnwindFds = { readonly tables: number; readonly processes: number }

/** The maps the program walks user stacks by. */
export interface UnwindTables {
  /**
   * Makes a table of `values` 8-byte values (page index, then rows) under `id`, 1 to MOST_TABLES - 1; `fill`
   * gets its zeroed memory, two words a value and whole lines of it, before this returns. Process entries may
   * name the id from then on: until the table is there, walks do as if there were none. Resolves when the
   * kernel has waited for running programs, some 10 ms, off the main thread. Rejects with `kernel_error`.
   */
  setTable(id: number, values: number, fill: (words: Uint32Array) => void): Promise<void>
  /** When it resolves no program reads the table any more and its memory is given back. */
  deleteTable(id: number): Promise<void>
  /** `entry` is a struct unwind_process. Throws `kernel_error`, when the map is full among others. */
  setProcess(run: ProgramRun, entry: Uint8Array): void
  deleteProcess(run: ProgramRun): void
  /** Deletes the entries another thread left. */
  clearProcesses(): void
}
