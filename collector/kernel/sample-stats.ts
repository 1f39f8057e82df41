import { FlamewatchError } from '../../infra/runtime/errors.ts'
import type { MapCalls } from './libbpf.ts'
import { type SampleStats, STATS_FIELDS } from './sample-layout.ts'

/** The program's own counters: per CPU and generation, only ever growing. */
export class SampleStatsReader {
  readonly #calls: Pick<MapCalls, 'lookup'>
  readonly #fd: number
  readonly #values: BigUint64Array
  readonly #before: [SampleStats, SampleStats] = [zero(), zero()]

  /** A lookup in a per-CPU map fills one value for each possible CPU. */
  constructor(calls: Pick<MapCalls, 'lookup'>, fd: number, possibleCpus: number) {
    this.#calls = calls
    this.#fd = fd
    this.#values = new BigUint64Array(possibleCpus * STATS_FIELDS.length)
  }

  /** What has been added to a generation since the last call for it. Throws `kernel_error`. */
  takeSince(generation: 0 | 1): SampleStats {
    const key = new Uint8Array(Uint32Array.of(generation).buffer)
    const result = this.#calls.lookup(this.#fd, key, new Uint8Array(this.#values.buffer))
    if (result < 0)
      throw new FlamewatchError('kernel_error', `read counters of samples: errno ${-result}`)
    const sum = zero()
    for (const [i, value] of this.#values.entries()) {
      const field = STATS_FIELDS[i % STATS_FIELDS.length] as keyof SampleStats
      sum[field] += Number(value)
    }
    const before = this.#before[generation]
    this.#before[generation] = sum
    const since = zero()
    for (const field of STATS_FIELDS) since[field] = sum[field] - before[field]
    return since
  }
}

function zero(): SampleStats {
  return { taken: 0, idle: 0, counted: 0, overflowed: 0, countsFull: 0, eventsLost: 0 }
}
