import type { Frame } from './frame.ts'
import { FRAME_BYTES, makeFrame } from './frames.ts'
import { parseJitName } from './jit-name.ts'
import { findInPerfMap, type PerfMap, readPerfMap, readPerfMapName } from './perf-map.ts'

type JitProcess = {
  map: PerfMap | null
  /** By address: the same as long as the map does not change. */
  readonly frames: Map<number, Frame>
  checkedInWindow: number
}

// Code without a name has one frame: its address means nothing outside its process.
const UNNAMED: Frame = makeFrame({ name: '[jit]', mapping: '[jit]' })
// 20,000 functions by position: 5 MB a process at most.
const MAX_FRAMES = 20_000
const ROW_BYTES = 20
// A Node of 20,000 functions takes 400 kB. Beyond this everything is read anew in the next window.
const MAX_BYTES = 32 << 20

/** Frames of addresses in memory that a JIT filled, by the map it writes for perf. */
export class JitSymbols {
  readonly #processes = new Map<number, JitProcess>()
  #window = 0

  /** Null when no map names the address. */
  find(pid: number, address: number): Frame | null {
    const jit = this.#process(pid)
    const known = jit.frames.get(address)
    if (known !== undefined) return known
    const position = jit.map === null ? null : findInPerfMap(jit.map, address)
    const text = position === null ? null : readPerfMapName(pid, jit.map as PerfMap, position)
    if (text === null) return null
    const frame = makeFrame({ ...parseJitName(text), address: BigInt(address) })
    jit.frames.set(address, frame)
    return frame
  }

  frame(pid: number, address: number): Frame {
    return this.find(pid, address) ?? UNNAMED
  }

  refresh(): void {
    for (const [pid, jit] of this.#processes)
      if (jit.checkedInWindow < this.#window) this.#processes.delete(pid)
      else if (jit.frames.size > MAX_FRAMES) jit.frames.clear()
    if (this.stats().bytes > MAX_BYTES) this.#processes.clear()
    this.#window++
  }

  stats(): { processes: number; frames: number; bytes: number } {
    let frames = 0
    let rows = 0
    for (const jit of this.#processes.values()) {
      frames += jit.frames.size
      rows += jit.map?.ranges.starts.length ?? 0
    }
    return {
      processes: this.#processes.size,
      frames,
      bytes: frames * FRAME_BYTES + rows * ROW_BYTES,
    }
  }

  #process(pid: number): JitProcess {
    let jit = this.#processes.get(pid)
    if (jit === undefined) {
      jit = { map: readPerfMap(pid, null), frames: new Map(), checkedInWindow: this.#window }
      this.#processes.set(pid, jit)
    } else if (jit.checkedInWindow !== this.#window) {
      const map = readPerfMap(pid, jit.map)
      if (map !== jit.map) jit.frames.clear()
      jit.map = map
      jit.checkedInWindow = this.#window
    }
    return jit
  }
}
