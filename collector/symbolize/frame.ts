/** A function and the place in its source that an address stands for. */
export type SourceLine = {
  /** Demangled; `module+0x1234` where no symbol covers the address. */
  readonly name: string
  /** As in the symbol table; '' where there is none. */
  readonly systemName: string
  /** Source file, '' when unknown. */
  readonly file: string
  /** Source line, 0 when unknown. */
  readonly line: number
  /** Line at which the function begins, 0 when unknown. */
  readonly startLine: number
}

/**
 * A symbolized address. The same function at the same address of the same file is the same object
 * for as long as its file stays in the cache, so identity may be used to count.
 */
export type Frame = SourceLine & {
  /**
   * What the compiler put into the function at this address instead of a call, innermost first: these
   * were running, called from `line` of `file`.
   */
  readonly inlined: readonly SourceLine[]
  /** Mapped file as the process sees it, or `[kernel.kallsyms]`, `[go]`, `[vdso]`, `[jit]`, … */
  readonly mapping: string
  /** Lower-case hex, '' when the file has none. */
  readonly buildId: string
  /** Address within the file (ELF virtual address), for kernel and JIT frames the address itself. */
  readonly address: bigint
  /** A thread begins here (_start, clone's child, a JIT's entry thunk does not count): a stack whose outermost frame is this is whole. */
  readonly threadStart: boolean
}
