import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSampler, type Sampler, type SamplerCost } from '../../collector/kernel/sampler.ts'
import { type Mappings, readMappings } from '../../collector/process/mappings.ts'
import { Symbolizer } from '../../collector/symbolize/symbolizer.ts'
import { STACK_ABSENT } from '../../collector/window.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { TableLoader } from './table-loader.ts'
import { rowsOf, stackOf, unaccountedOf } from './windows.ts'

export type WalkedStack = {
  /** Functions of the program itself, leaf first; those of libraries are left out. */
  readonly names: readonly string[]
  /** Where the thread was, in whatever file. */
  readonly leaf: { readonly name: string; readonly mapping: string }
  readonly inKernel: boolean
  /** The outermost frame is one where threads begin. */
  readonly isWhole: boolean
  readonly samples: number
}

export type WalkOptions = {
  readonly unwind: 'tables' | 'frame-pointers'
  readonly frequencyHz: number
}

type Run = Parameters<TableLoader['load']>[0]

const READY_MS = 120_000

/** Samples programs and names their stacks, with one sampler for all. */
export class Walker {
  readonly #sampler: Sampler
  readonly #loader: TableLoader | null
  readonly #symbolizer = new Symbolizer({ cacheBytes: 64 << 20, log: silentLog() })
  /** Of the program that is being walked. */
  #pid = 0
  #run: Run | null = null
  #loaded = { program: 0, mappings: 0 }
  #loading: Promise<unknown> = Promise.resolve()

  static async open({ unwind, frequencyHz }: WalkOptions): Promise<Walker> {
    let walker: Walker | undefined
    const load = (run: Run) => walker?.load(run)
    const sampler = await openSampler({
      ...{ frequencyHz, log: silentLog(), niceness: 0, unwind },
      ...{ onProcess: load, onUnknownAddress: load },
    })
    if (unwind === 'tables' && !sampler.unwindTables)
      throw new Error(`no tables: ${sampler.notes.join()}`)
    walker = new Walker(sampler)
    return walker
  }

  private constructor(sampler: Sampler) {
    this.#sampler = sampler
    this.#loader = sampler.unwindTables && new TableLoader(sampler.unwindTables)
  }

  cost(): SamplerCost {
    return this.#sampler.cost()
  }

  /**
   * Runs a program that ends when its standard input closes until there are `enough` stacks, from when it has
   * its tables on. Throws where a sample is unaccounted for or has lost its user stack.
   */
  async walk(
    [path, ...args]: readonly [path: string, ...args: string[]],
    enough: (stacks: readonly WalkedStack[]) => boolean,
  ): Promise<WalkedStack[]> {
    const child = spawn(path, args, { stdio: ['pipe', 'ignore', 'inherit'] })
    const ended = once(child, 'exit')
    this.#pid = child.pid as number
    this.#loaded = { program: 0, mappings: 0 }
    try {
      await this.#waitForTables(path)
      const stacks: WalkedStack[] = []
      while (!enough(stacks))
        for (const stack of await this.#takeStacks(path)) {
          if (stack === null) throw new Error(`${path}: a stack was lost`)
          stacks.push(stack)
        }
      return stacks
    } finally {
      child.stdin?.end()
      await ended
    }
  }

  load(run: Run): void {
    if (run.tgid !== this.#pid) return
    this.#run = run
    this.#loading = this.#loading.then(async () => {
      const mappings = countMappings(run.tgid)
      await this.#loader?.load(run)
      this.#loaded = { program: run.program, mappings }
    })
  }

  // The first samples come before the program is executed, then before its libraries are mapped.
  async #waitForTables(path: string): Promise<void> {
    const deadlineMs = Date.now() + READY_MS
    for (let isReady = false; !isReady; ) {
      const stacks = await this.#takeStacks(path)
      await this.#loading
      const hasTables = this.#loader === null || this.#loaded.mappings === countMappings(this.#pid)
      if (!hasTables && this.#run?.tgid === this.#pid) this.load(this.#run)
      isReady = hasTables && stacks.some((stack) => stack?.isWhole)
      if (!isReady && Date.now() > deadlineMs)
        throw new Error(`${path}: no whole stack of ${stacks.length}, tables: ${hasTables}`)
    }
    // What was walked before.
    await this.#takeStacks(path)
  }

  close(): Promise<void> {
    return this.#sampler.close()
  }

  /** Null for each that was lost. */
  async #takeStacks(path: string): Promise<(WalkedStack | null)[]> {
    const window = await this.#sampler.drain()
    if (unaccountedOf(window) !== 0 || Object.keys(window.dropped).length > 0)
      throw new Error(`taken ${window.taken}, unaccounted ${unaccountedOf(window)}`)
    const mappings = readMappings(this.#pid)
    const rows = rowsOf(window, this.#pid).filter(
      (row) => this.#loader === null || window.program[row] === this.#loaded.program,
    )
    return rows.map((row) => {
      const index = window.userStack[row] as number
      if (index < 0) return null
      return {
        ...this.#name({ pid: this.#pid, mappings }, stackOf(window, index), path),
        inKernel: window.kernelStack[row] !== STACK_ABSENT,
        samples: window.count[row] as number,
      }
    })
  }

  #name(
    process: { readonly pid: number; readonly mappings: Mappings | null },
    addresses: readonly bigint[],
    path: string,
  ): Pick<WalkedStack, 'names' | 'leaf' | 'isWhole'> {
    const frames = addresses.map((address, i) => this.#symbolizer.user(process, address, i === 0))
    return {
      names: frames.filter(({ mapping }) => mapping === path).map(({ name }) => name),
      leaf: { name: frames[0]?.name ?? '', mapping: frames[0]?.mapping ?? '' },
      isWhole: frames.at(-1)?.threadStart === true,
    }
  }
}

function countMappings(pid: number): number {
  return readMappings(pid)?.list.length ?? 0
}
