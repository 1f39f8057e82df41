import fs from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import type { Log } from '../../../infra/runtime/log.ts'
import type { Frame, SourceLine } from '../frame.ts'
import { LINE_TOOL_USE, type LineTool } from './line-tool.ts'
import { type Limits, type RunResult, runLimited } from './run-limited.ts'

/** Frames of one file that have no lines yet. */
export type FramesOfFile = {
  readonly path: string
  readonly frames: readonly Frame[]
  /** Gives the file with the debug information; the caller closes. Null when it is gone. */
  readonly open: () => number | null
  /** Keeps what stands for each of them from now on. */
  readonly take: (found: ReadonlyMap<Frame, Frame>) => void
  readonly turn: FileTurn
}

export type FileTurn = {
  /** Window in which it was asked last; 0 for never. */
  asked: number
  /** How often in vain, and from which window on it may be again. */
  failures: number
  waitUntil: number
}

export type LineResult = 'found' | Exclude<RunResult['kind'], 'output'> | 'bad_output' | 'gone'

export type LineStats = {
  /** Runs of the tool by how they ended. */
  readonly runs: Partial<Record<LineResult, number>>
  /** Of waiting. */
  readonly ms: number
}

export type FoundLines = LineStats & {
  /** What stands for a frame of this window from now on. */
  readonly frames: ReadonlyMap<Frame, Frame>
}

const LIMITS: Limits = {
  // The program has what nobody else wants of the processors.
  timeoutMs: 20_000,
  cpuSeconds: 5,
  // Debug information is mapped: that of Chromium does not fit, and is given up.
  memoryBytes: 2 ** 31,
  outputBytes: 16 << 20,
}
// A window's batch waits so long; what comes later is in the next one's.
const MAX_WAIT_MS = 1_000
// No run is begun after so long: what is left has its turn in the next window.
const MAX_WORK_MS = 4_000
const MAX_ADDRESSES = 4_096
/** After so many the file is left alone. */
export const MAX_FAILURES = 4

type Found = { readonly take: FramesOfFile['take']; readonly frames: ReadonlyMap<Frame, Frame> }

/**
 * Source lines and inlined functions from debug information, read by a program that runs once per
 * file and window, one at a time, and only where there are addresses it was not asked for yet.
 */
export class SourceLines {
  readonly #tool: LineTool
  readonly #log: Log
  readonly #run: typeof runLimited
  readonly #maxWaitMs: number
  #window = 0
  #working: Promise<void> | null = null
  #found: Found[] = []
  #runs: Partial<Record<LineResult, number>> = {}

  /** `run` and `maxWaitMs` are others in tests only. */
  constructor(tool: LineTool, log: Log, { run = runLimited, maxWaitMs = MAX_WAIT_MS } = {}) {
    this.#tool = tool
    this.#log = log
    this.#run = run
    this.#maxWaitMs = maxWaitMs
  }

  /**
   * To be called once a window: has what is new looked up, and answers with what was found by then,
   * the late answers of earlier windows too. Never rejects.
   */
  async read(files: Iterable<FramesOfFile>): Promise<FoundLines> {
    this.#window++
    const startedMs = performance.now()
    this.#working ??= this.#work(files).finally(() => {
      this.#working = null
    })
    await Promise.race([this.#working, setTimeout(this.#maxWaitMs, undefined, { ref: false })])
    const all = new Map<Frame, Frame>()
    for (const { take, frames } of this.#found.splice(0)) {
      take(frames)
      for (const [before, after] of frames) all.set(before, after)
    }
    const runs = this.#runs
    this.#runs = {}
    return { runs, ms: performance.now() - startedMs, frames: all }
  }

  async #work(files: Iterable<FramesOfFile>): Promise<void> {
    const untilMs = performance.now() + MAX_WORK_MS
    // Programs that run new code all the time must not keep the others waiting.
    const inTurn = [...files].sort((a, b) => a.turn.asked - b.turn.asked)
    for (const file of inTurn) {
      if (this.#window < file.turn.waitUntil) continue
      file.turn.asked = this.#window
      const result = await this.#readFile(file)
      this.#runs[result] = (this.#runs[result] ?? 0) + 1
      if (performance.now() > untilMs) return
    }
  }

  async #readFile({ path, open, frames, take, turn }: FramesOfFile): Promise<LineResult> {
    const asked = frames.slice(0, MAX_ADDRESSES)
    const { result, chains } = await this.#lookUp(open(), asked)
    if (chains !== null) {
      const found = asked.map((frame, i) => [frame, withLines(frame, chains[i] ?? [])] as const)
      this.#found.push({ take, frames: new Map(found) })
      return result
    }
    turn.failures++
    turn.waitUntil = this.#window + 2 ** turn.failures
    this.#log.warn({ path, result, failures: turn.failures }, 'source lines not read')
    return result
  }

  async #lookUp(
    fd: number | null,
    frames: readonly Frame[],
  ): Promise<{ result: LineResult; chains: SourceLine[][] | null }> {
    if (fd === null) return { result: 'gone', chains: null }
    const { argumentsFor, parse } = LINE_TOOL_USE[this.#tool.name]
    const input = frames.map(({ address }) => `0x${address.toString(16)}\n`).join('')
    // The file itself, wherever it is and whether or not its process is still there.
    const command = [this.#tool.path, ...argumentsFor('/proc/self/fd/3')]
    const result = await this.#run(command, input, fd, LIMITS)
    fs.closeSync(fd)
    if (result.kind !== 'output') return { result: result.kind, chains: null }
    const chains = parse(result.text, frames.length)
    return { result: chains === null ? 'bad_output' : 'found', chains }
  }
}

/** `chain` innermost first; its last is the frame's own function, which keeps the name of its symbol. */
function withLines(frame: Frame, chain: readonly SourceLine[]): Frame {
  const own = chain.at(-1)
  if (own === undefined) return frame
  const { name, systemName } = frame.systemName !== '' || own.name === '' ? frame : own
  const { file, line, startLine } = own
  const inlined = chain.slice(0, -1).filter((call) => call.name !== '')
  return { ...frame, name, systemName, file, line, startLine, inlined }
}
