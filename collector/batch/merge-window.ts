import type { StackFault } from '../../infra/contract/account.ts'
import { WordTable } from '../kernel/word-table.ts'
import type { ProcessImage, SampledProcess } from '../process/process-image.ts'
import type { Frame } from '../symbolize/frame.ts'
import { makeFrame, UNKNOWN_FRAME } from '../symbolize/frames.ts'
import type { SampleWindow } from '../window.ts'
import { STACK_ABSENT, STACK_COLLISION, STACK_NO_MEMORY, STACK_UNREADABLE } from '../window.ts'
import { PLACEHOLDER_FRAMES } from './placeholder.ts'
import type { BatchSamples } from './sample-merger.ts'
import { SampleMerger } from './sample-merger.ts'

/** What names addresses: the Symbolizer. */
export interface Symbols<M> {
  /** UNKNOWN_FRAME for an address that is not mapped. */
  user(
    process: { readonly pid: number; readonly mappings: M },
    address: bigint,
    isLeaf: boolean,
  ): Frame
  kernel(address: bigint, isLeaf: boolean): Frame
}

/** What names processes: the ProcessTable. */
export interface Processes<M> {
  /** Null for a process that ended before it could be read. */
  find(sampled: SampledProcess): ProcessImage<M> | null
  /** The same process when an address was met that its mappings do not have. */
  findAgain(sampled: SampledProcess): ProcessImage<M> | null
  /** What can be said of one that find() does not know, after it was asked for all others. */
  describe(sampled: SampledProcess): ProcessImage<M>
}

export type MergeOptions<M> = {
  readonly symbols: Symbols<M>
  readonly processes: Processes<M>
  /** Called after every row; what it answers is awaited, so that others have their turn. */
  readonly pause: () => Promise<unknown> | undefined
}

/** Names every row of a window and adds up what is equal by name. */
export async function mergeWindow<M>(
  window: SampleWindow,
  options: MergeOptions<M>,
): Promise<BatchSamples> {
  const { processes, pause } = options
  const merger = new SampleMerger()
  const stacks = new WindowStacks(window, merger, options)
  const comms = Buffer.from(window.comm.buffer, window.comm.byteOffset, window.comm.byteLength)
  const noStack = [merger.indexOf(PLACEHOLDER_FRAMES.other)]
  const unseen: number[] = []
  for (let row = 0; row < window.rows; row++) {
    const sampled = readProcess(row)
    const image = processes.find(sampled)
    if (image) merge(row, sampled, image)
    else unseen.push(row)
    const turn = pause()
    if (turn) await turn
  }
  for (const row of unseen) {
    const sampled = readProcess(row)
    merge(row, sampled, processes.describe(sampled))
  }
  return merger

  function readProcess(row: number): SampledProcess {
    return {
      tgid: window.tgid[row] as number,
      startTimeNs: window.startTimeNs[row] as bigint,
      program: window.program[row] as number,
      cgroupId: window.cgroupId[row] as bigint,
      comm: readComm(comms, row),
      kernelThread: window.kernelThread[row] === 1,
    }
  }

  function merge(row: number, sampled: SampledProcess, image: ProcessImage<M>): void {
    const kernel = stacks.kernel(window.kernelStack[row] as number)
    const user = sampled.kernelThread
      ? []
      : stacks.user(window.userStack[row] as number, sampled, image)
    const stack = kernel.length === 0 ? user : user.length === 0 ? kernel : kernel.concat(user)
    const count = window.count[row] as number
    merger.add(image.labels, stack.length > 0 ? stack : noStack, count, window.sum?.[row] ?? count)
  }
}

function readComm(comms: Buffer, row: number): string {
  const start = row * 16
  const nul = comms.indexOf(0, start)
  return comms.toString('utf8', start, nul < 0 ? start + 16 : Math.min(nul, start + 16))
}

/** Frames, leaf first, as indexes the merger gave them. */
type Stack = number[]

// The stacks of a window, named once each: a kernel stack for all processes, a user stack for each
// program in which it was met.
class WindowStacks<M> {
  readonly #window: SampleWindow
  readonly #merger: SampleMerger
  readonly #symbols: Symbols<M>
  readonly #processes: Processes<M>
  readonly #kernel = new Map<number, Stack>()
  readonly #user = new Map<ProcessImage<M>, Map<number, Stack>>()
  // Stacks share most of their addresses: each is named once for whom it belongs to.
  readonly #words: Uint32Array
  readonly #addresses = new WordTable()
  readonly #frames: number[] = []
  readonly #owners = new Map<M, number>()
  readonly #address = new Uint32Array(3)

  constructor(window: SampleWindow, merger: SampleMerger, { symbols, processes }: MergeOptions<M>) {
    this.#window = window
    const { buffer, byteOffset, length } = window.addresses
    this.#words = new Uint32Array(buffer, byteOffset, 2 * length)
    this.#merger = merger
    this.#symbols = symbols
    this.#processes = processes
  }

  /** `stack` is an index or one of the STACK_ constants. */
  kernel(stack: number): Stack {
    if (stack < 0) return this.#lost(stack)
    let frames = this.#kernel.get(stack)
    if (!frames) {
      frames = this.#name(KERNEL, stack, (address, isLeaf) => this.#symbols.kernel(address, isLeaf))
      this.#kernel.set(stack, frames)
    }
    return frames
  }

  user(stack: number, sampled: SampledProcess, image: ProcessImage<M>): Stack {
    if (stack < 0) return this.#lost(stack)
    let stacks = this.#user.get(image)
    if (!stacks) {
      stacks = new Map()
      this.#user.set(image, stacks)
    }
    let frames = stacks.get(stack)
    if (!frames) {
      frames = this.#nameUser(stack, sampled, image)
      stacks.set(stack, frames)
    }
    return frames
  }

  #lost(stack: number): Stack {
    if (stack === STACK_ABSENT) return []
    return [this.#merger.indexOf(PLACEHOLDER_FRAMES[faultOfStack(stack)])]
  }

  #nameUser(stack: number, sampled: SampledProcess, { mappings }: ProcessImage<M>): Stack {
    const merger = this.#merger
    const broken = merger.indexOf(PLACEHOLDER_FRAMES.broken)
    if (mappings === null) return [merger.indexOf(PROCESS_ENDED), broken]
    let frames = this.#nameMapped(stack, sampled.tgid, mappings)
    if (frames.includes(merger.indexOf(UNKNOWN_FRAME))) {
      const now = this.#processes.findAgain(sampled)?.mappings ?? null
      if (now !== null && now !== mappings) frames = this.#nameMapped(stack, sampled.tgid, now)
    }
    const root = frames.at(-1)
    if (root === undefined || !merger.frames[root]?.threadStart) frames.push(broken)
    return frames
  }

  #nameMapped(stack: number, pid: number, mappings: M): Stack {
    const process = { pid, mappings }
    let owner = this.#owners.get(mappings)
    if (owner === undefined) {
      owner = KERNEL + 1 + this.#owners.size
      this.#owners.set(mappings, owner)
    }
    return this.#name(owner, stack, (address, isLeaf) =>
      this.#symbols.user(process, address, isLeaf),
    )
  }

  #name(owner: number, stack: number, name: (address: bigint, isLeaf: boolean) => Frame): Stack {
    const { stackEnd, addresses } = this.#window
    const start = stack === 0 ? 0 : (stackEnd[stack - 1] as number)
    const frames: Stack = []
    const address = this.#address
    for (let at = start; at < (stackEnd[stack] as number); at++) {
      const isLeaf = at === start
      address[0] = owner
      address[1] = this.#words[2 * at] as number
      // The top bit is the same in all addresses of an owner.
      address[2] = ((this.#words[2 * at + 1] as number) << 1) | (isLeaf ? 1 : 0)
      const row = this.#addresses.intern(address, 0, 3)
      let frame = this.#frames[row]
      if (frame === undefined) {
        frame = this.#merger.indexOf(name(addresses[at] as bigint, isLeaf))
        this.#frames[row] = frame
      }
      frames.push(frame)
    }
    return frames
  }
}

const KERNEL = 0

// The process died before its mappings could be read: its addresses mean nothing any more.
const PROCESS_ENDED = makeFrame({ name: '[process ended]', mapping: UNKNOWN_FRAME.mapping })

function faultOfStack(stack: number): StackFault {
  if (stack === STACK_UNREADABLE) return 'no_user_stack'
  if (stack === STACK_COLLISION) return 'collision'
  if (stack === STACK_NO_MEMORY) return 'memory'
  return 'other'
}
