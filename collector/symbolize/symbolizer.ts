import type { Log } from '../../infra/runtime/log.ts'
import type { Mappings } from '../process/mappings.ts'
import { FileSymbols } from './file-symbols.ts'
import type { Frame } from './frame.ts'
import { UNKNOWN_FRAME } from './frames.ts'
import { JitSymbols } from './jit-symbols.ts'
import { type KernelSources, KernelSymbols } from './kernel-symbols.ts'
import type { LineTool } from './lines/line-tool.ts'
import { type FoundLines, SourceLines } from './lines/source-lines.ts'

export type SymbolizerOptions = {
  /** Bound of what is kept about files: symbol tables, names and frames. */
  readonly cacheBytes: number
  readonly log: Log
  /** What reads source lines and inlined functions from debug information; null for neither. */
  readonly lineTool?: LineTool | null
  /** Other than this host's kernel only in tests. */
  readonly kernel?: KernelSources
}

export type SymbolizedProcess = {
  readonly pid: number
  /** Null when they could not be read: then all its frames are unknown. */
  readonly mappings: Mappings | null
}

/**
 * Turns addresses into frames. Frames are kept: within a window (from one refresh() to the next) the
 * same address of the same file is the same object. Synchronous, one thread; it holds no file open
 * between calls.
 */
export class Symbolizer {
  readonly #files: FileSymbols
  readonly #jit = new JitSymbols()
  readonly #kernel: KernelSymbols
  readonly #lines: SourceLines | null

  constructor(options: SymbolizerOptions) {
    const { lineTool = null, log } = options
    this.#files = new FileSymbols({ ...options, wantsLines: lineTool !== null })
    this.#lines = lineTool && new SourceLines(lineTool, log)
    this.#kernel = new KernelSymbols(options.kernel)
  }

  /** `isLeaf`: the address is where the thread was, not where it returns to. */
  user(process: SymbolizedProcess, address: bigint, isLeaf: boolean): Frame {
    // A return address is behind the call, which may be the last instruction of its function.
    const at = Number(address) - (isLeaf ? 0 : 1)
    const { pid, mappings } = process
    const mapping = mappings?.find(at) ?? null
    if (mapping === null) return UNKNOWN_FRAME
    if (mapping.kind === 'anonymous') return this.#jit.frame(pid, at)
    return this.#files.frame(pid, mapping, at, isLeaf) ?? this.#jit.frame(pid, at)
  }

  kernel(address: bigint, isLeaf: boolean): Frame {
    return this.#kernel.frame(isLeaf ? address : address - 1n)
  }

  /**
   * To be called after the addresses of a window were named: looks for lines and inlined functions of
   * the frames that are new. Null where no program does that.
   */
  async readLines(): Promise<FoundLines | null> {
    return this.#lines === null ? null : this.#lines.read(this.#files.framesWithoutLines())
  }

  /** To be called before each window: looks again at what may have changed, forgets the oldest. */
  refresh(): void {
    this.#files.refresh()
    this.#jit.refresh()
    this.#kernel.refresh()
  }

  /** Another bound of what is kept about files, from now on. */
  keepWithin(cacheBytes: number): void {
    this.#files.keepWithin(cacheBytes)
  }

  /** What a user must know about these frames, one sentence each (for the notes of a batch). */
  notes(): string[] {
    return this.#kernel.notes()
  }

  stats() {
    return { files: this.#files.stats(), jit: this.#jit.stats(), kernel: this.#kernel.stats() }
  }
}
