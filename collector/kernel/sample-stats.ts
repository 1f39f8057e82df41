import { FlamewatchError } from '../../infra/runtime/errors.ts'
import type { MapCalls } from './libbpf.ts'
import { MOST_SOURCES, type SampleStats, STATS_FIELDS, STATS_WORDS } from './sample-layout.ts'
import { UNWIND_ENDS, type UnwindEnd } from './unwind-layout.ts'

/** The programs' own counters: per CPU, source and generation, only ever growing. */
export class SampleStatsReader {
  readonly #calls: Pick<MapCalls, 'lookup'>
  readonly #fd: number
  readonly #values: BigUint64Array
  readonly #before = Array.from({ length: 2 * MOST_SOURCES }, () => new Float64Array(STATS_WORDS))

  /** A lookup in a per-CPU map fills one value for each possible CPU. */
  constructor(calls: Pick<MapCalls, 'lookup'>, fd: number, possibleCpus: number) {
    this.#calls = calls
    this.#fd = fd
    this.#values = new BigUint64Array(possibleCpus * STATS_WORDS)
  }

  /**
   * What a source has added to a generation since the last call for both. Throws `kernel_error`.
   */
  takeSince(generation: 0 | 1, source = 0): SampleStats {
    const index = 2 * source + generation // STATS_INDEX
    const key = new Uint8Array(Uint32Array.of(index).buffer)
    const result = this.#calls.lookup(this.#fd, key, new Uint8Array(this.#values.buffer))
    if (result < 0)
      throw new FlamewatchError('kernel_error', `read counters of samples: errno ${-result}`)
    const sum = new Float64Array(STATS_WORDS)
    for (const [i, value] of this.#values.entries())
      sum[i % STATS_WORDS] = (sum[i % STATS_WORDS] as number) + Number(value)
    const before = this.#before[index] as Float64Array
    const since = sum.map((value, i) => value - (before[i] as number))
    before.set(sum)
    return statsOf(since)
  }
}

function statsOf(words: Float64Array): SampleStats {
  const field = (name: (typeof STATS_FIELDS)[number]) => words[STATS_FIELDS.indexOf(name)] as number
  const end = (name: UnwindEnd) => words[STATS_FIELDS.length + UNWIND_ENDS.indexOf(name)] as number
  return {
    taken: field('taken'),
    idle: field('idle'),
    filtered: field('filtered'),
    counted: field('counted'),
    overflowed: field('overflowed'),
    countsFull: field('countsFull'),
    nested: field('nested'),
    waitMemory: field('waitMemory'),
    eventsLost: field('eventsLost'),
    ends: {
      framePointers: end('framePointers'),
      whole: end('whole'),
      depth: end('depth'),
      noMapping: end('noMapping'),
      noTable: end('noTable'),
      noRow: end('noRow'),
      unsupported: end('unsupported'),
      readFailed: end('readFailed'),
    },
  }
}
