import { KERNEL_MODULE } from '../../infra/contract/profile.ts'
import { readProcFile } from '../process/proc-file.ts'
import type { Frame } from './frame.ts'
import { FRAME_BYTES, makeFrame } from './frames.ts'
import { type Kallsyms, readKallsyms } from './kallsyms.ts'
import { cleanName, cleanSystemName } from './readable-name.ts'

// Where kernel threads begin.
const START_NAMES: ReadonlySet<string> = new Set(['ret_from_fork', 'ret_from_fork_asm'])
// Without names an address says nothing: it differs with every boot.
const UNNAMED: Frame = makeFrame({ name: KERNEL_MODULE, mapping: KERNEL_MODULE })
// BPF programs come and go without a sign in /proc/modules; reading again costs 80 ms of CPU.
const MAX_AGE_MS = 300_000
const MAX_FRAMES = 50_000

export type KernelSources = {
  readonly readKallsyms: () => Kallsyms | null
  /** Changes when modules are loaded or unloaded. */
  readonly readModules: () => string
  readonly nowMs: () => number
}

const HOST: KernelSources = {
  readKallsyms: () => readKallsyms(),
  readModules: () => readProcFile('/proc/modules', 1 << 20)?.toString('latin1') ?? '',
  nowMs: () => performance.now(),
}

/** Frames of kernel addresses. */
export class KernelSymbols {
  readonly #sources: KernelSources
  readonly #frames = new Map<bigint, Frame>()
  #kallsyms: Kallsyms | null = null
  #modules = ''
  #readAtMs = Number.NEGATIVE_INFINITY

  constructor(sources: KernelSources = HOST) {
    this.#sources = sources
  }

  frame(address: bigint): Frame {
    const known = this.#frames.get(address)
    if (known !== undefined) return known
    if (this.#readAtMs === Number.NEGATIVE_INFINITY) this.#read(this.#sources.readModules())
    const symbol = this.#kallsyms?.find(address) ?? null
    if (symbol === null) return UNNAMED
    const frame = makeFrame({
      name: cleanName(symbol.name),
      systemName: cleanSystemName(symbol.name),
      mapping: cleanName(symbol.module),
      address,
      threadStart: START_NAMES.has(symbol.name),
    })
    this.#frames.set(address, frame)
    return frame
  }

  /** Reads the symbols again when modules changed or they are old. */
  refresh(): void {
    if (this.#readAtMs === Number.NEGATIVE_INFINITY) return
    const modules = this.#sources.readModules()
    if (modules !== this.#modules || this.#sources.nowMs() - this.#readAtMs > MAX_AGE_MS)
      this.#read(modules)
    else if (this.#frames.size > MAX_FRAMES) this.#frames.clear()
  }

  /** What a user must know about kernel frames, one sentence each. */
  notes(): string[] {
    if (this.#readAtMs === Number.NEGATIVE_INFINITY) return []
    if (this.#kallsyms === null)
      return ['Kernel frames have no names: /proc/kallsyms cannot be read.']
    if (this.#kallsyms.hidden)
      return [
        'Kernel frames have no names: the kernel hides its addresses. ' +
          'Run the collector with CAP_SYSLOG, or set kernel.kptr_restrict to 1 or 0.',
      ]
    return []
  }

  stats(): { symbols: number; frames: number; bytes: number } {
    return {
      symbols: this.#kallsyms?.rows ?? 0,
      frames: this.#frames.size,
      bytes: (this.#kallsyms?.bytes ?? 0) + this.#frames.size * FRAME_BYTES,
    }
  }

  #read(modules: string): void {
    // The old ones go first: both would be 10 MB.
    this.#kallsyms = null
    this.#kallsyms = this.#sources.readKallsyms()
    this.#modules = modules
    this.#readAtMs = this.#sources.nowMs()
    this.#frames.clear()
  }
}
