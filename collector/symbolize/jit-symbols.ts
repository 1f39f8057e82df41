import fs from 'node:fs'
import type { Frame } from './frame.ts'
import { FRAME_BYTES, makeFrame } from './frames.ts'
import { type JitName, parseJitName } from './jit-name.ts'
import { OpenFiles } from './open-files.ts'
import {
  findInPerfMap,
  openPerfMap,
  type PerfMap,
  readPerfMap,
  readPerfMapName,
} from './perf-map.ts'

type JitProcess = {
  map: PerfMap | null
  /** By address: the same as long as the map does not change. */
  readonly frames: Map<number, Frame>
  /** By position in the file: the same as long as the file only grows. */
  readonly names: Map<number, JitName>
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
  readonly #open = new OpenFiles<PerfMap>()
  #window = 0

  frame(pid: number, address: number): Frame {
    const jit = this.#process(pid)
    const known = jit.frames.get(address)
    if (known !== undefined) return known
    const position = jit.map === null ? null : findInPerfMap(jit.map, address)
    const name = position === null ? null : this.#nameAt(pid, jit, position)
    if (name === null) return UNNAMED
    const frame = makeFrame({ ...name, address: BigInt(address) })
    jit.frames.set(address, frame)
    return frame
  }

  refresh(): void {
    for (const [pid, jit] of this.#processes)
      if (jit.checkedInWindow < this.#window) this.#processes.delete(pid)
      else if (jit.frames.size > MAX_FRAMES) {
        jit.frames.clear()
        jit.names.clear()
      }
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
    if (jit?.checkedInWindow === this.#window) return jit
    jit ??= { map: null, frames: new Map(), names: new Map(), checkedInWindow: 0 }
    this.#processes.set(pid, jit)
    jit.checkedInWindow = this.#window
    const map = readMap(pid, jit.map)
    if (map === jit.map) return jit
    jit.frames.clear()
    if (map === null || map.inode !== jit.map?.inode || map.readBytes < jit.map.readBytes)
      jit.names.clear()
    jit.map = map
    return jit
  }

  #nameAt(pid: number, jit: JitProcess, position: number): JitName | null {
    const known = jit.names.get(position)
    if (known !== undefined || jit.map === null) return known ?? null
    const { device, inode } = jit.map
    const source = this.#open.source(jit.map, () => openPerfMap(pid, { device, inode }))
    const text = source && readPerfMapName(source, jit.map, position)
    if (text === null) return null
    const name = parseJitName(text)
    jit.names.set(position, name)
    return name
  }
}

function readMap(pid: number, known: PerfMap | null): PerfMap | null {
  const file = openPerfMap(pid)
  if (file.kind === 'fault') return null
  try {
    return readPerfMap(file, known)
  } finally {
    fs.closeSync(file.fd)
  }
}
