import { readFdinfo } from './fdinfo.ts'
import type { BpfObject } from './libbpf.ts'
import type { ProgramName, SampleSource } from './sources/source.ts'

export type Runs = {
  /** Time the kernel spent in the program; 0 unless measured (sysctl kernel.bpf_stats_enabled). */
  readonly runTimeNs: number
  /** Runs that time is of. */
  readonly runCount: number
}

type Program = {
  readonly name: ProgramName
  readonly fd: number
  readonly source: number
  misses: number
}

/** What the kernel says of the loaded programs. */
export class ProgramRuns {
  readonly #programs: readonly Program[]

  constructor(object: BpfObject, sources: readonly SampleSource[]) {
    const names = new Set(sources.map(({ program }) => program))
    this.#programs = [...names].map((name) => ({
      name,
      fd: object.programFd(name),
      // Which of several hooks a run was for that the kernel left out is not to be known.
      source: sources.find(({ program }) => program === name)?.number ?? 0,
      misses: 0,
    }))
  }

  read(): ReadonlyMap<ProgramName, Runs & { readonly verifiedInstructions: number }> {
    return new Map(
      this.#programs.map(({ name, fd }) => {
        const info = readFdinfo(fd)
        const field = (key: string) => info.get(key) ?? 0
        const runs = { runTimeNs: field('run_time_ns'), runCount: field('run_cnt') }
        return [name, { ...runs, verifiedInstructions: field('verified_insns') }]
      }),
    )
  }

  /** Runs the kernel left out since the last call, by source; no program counts them itself. */
  takeMisses(): { readonly source: number; readonly misses: number }[] {
    return this.#programs.map((program) => {
      const misses = readFdinfo(program.fd).get('recursion_misses') ?? 0
      const since = misses - program.misses
      program.misses = misses
      return { source: program.source, misses: since }
    })
  }
}
