import { findEntry } from './entry-script.ts'
import type {
  ProcessImage,
  ProcessSources,
  RecalledProcess,
  RecalledProgram,
  SampledProcess,
} from './process-image.ts'
import { imageOf } from './process-image.ts'
import type { ProcessFacts } from './process-labels.ts'

type Parent<M> = { readonly otel: ProcessFacts['otel']; readonly image: ProcessImage<M> }

const NO_OTEL = { service: null, version: null }
const MOST_ANCESTORS = 4
const NS_PER_TICK = 10_000_000n

/** The programs of processes that ended before they could be read, by what the kernel told of them. */
export class PastImages<M> {
  readonly #sources: ProcessSources<M>
  readonly #host: string
  // Many short-lived processes have one parent.
  readonly #parents = new Map<number, Parent<M> | null>()

  constructor(sources: ProcessSources<M>, host: string) {
    this.#sources = sources
    this.#host = host
  }

  beginWindow(): void {
    this.#parents.clear()
  }

  /** What it executed, oldest first. */
  executedBy(sampled: SampledProcess): ProcessImage<M>[] {
    const past = this.#sources.recall(sampled)
    return past ? this.#executed(past, sampled) : []
  }

  /** All it ran, oldest first: before its first exec that is the program of its parent. */
  imagesOf(sampled: SampledProcess, ancestors = 0): ProcessImage<M>[] {
    const past = this.#sources.recall(sampled)
    if (!past) return []
    const executed = this.#executed(past, sampled)
    if (executed.some(({ comm }) => comm === sampled.comm)) return executed
    const parent = this.#parent(past)
    const inherited = parent ? [parent.image] : this.#inherit(past.parent, sampled, ancestors)
    return [...inherited, ...executed]
  }

  #executed(past: RecalledProcess<M>, sampled: SampledProcess): ProcessImage<M>[] {
    // An environment is nearly always inherited.
    const otel = this.#parent(past)?.otel ?? NO_OTEL
    return past.programs.map((program) => this.#imageOf(program, sampled, otel))
  }

  /** Of a parent that has ended, too. */
  #inherit(parent: number, sampled: SampledProcess, ancestors: number): ProcessImage<M>[] {
    if (parent === 0 || ancestors === MOST_ANCESTORS) return []
    return this.imagesOf({ ...sampled, tgid: parent, startTimeNs: 0n }, ancestors + 1).slice(-1)
  }

  #imageOf(
    { comm, executable, version, mappings }: RecalledProgram<M>,
    { cgroupId }: SampledProcess,
    otel: ProcessFacts['otel'],
  ): ProcessImage<M> {
    const cgroup = this.#sources.cgroup(cgroupId)
    const facts = {
      ...{ comm, executable, argv0: '', workingDirectory: '/', cgroup },
      entry: executable ? findEntry(executable, []) : null,
      otel,
      container: this.#sources.container(cgroup),
      ...{ executableVersion: version, entryVersion: null },
    }
    return imageOf(facts, mappings, this.#host)
  }

  /** As it is now; null when it has ended or another process has its number. */
  #parent({ parent: pid, forkedNs }: RecalledProcess<M>): Parent<M> | null {
    if (pid === 0) return null
    const known = this.#parents.get(pid)
    if (known !== undefined) return known
    const identity = this.#sources.identify(pid)
    const isOlder = identity && BigInt(identity.startTicks) * NS_PER_TICK <= forkedNs
    const facts = isOlder ? this.#sources.read(pid, 0n) : null
    const parent = facts && {
      otel: facts.otel,
      image: imageOf(facts, this.#sources.readMappings(pid, null), this.#host),
    }
    this.#parents.set(pid, parent)
    return parent
  }
}
