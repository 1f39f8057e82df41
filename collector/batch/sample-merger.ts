import type { Labels } from '../../infra/contract/labels.ts'
import type { Frame } from '../symbolize/frame.ts'

/** One stack of one series, whichever processes and addresses it came from. */
export type BatchSample = {
  readonly labels: Labels
  /** Leaf first; indexes of `BatchSamples.frames`. */
  readonly stack: readonly number[]
  count: number
  /** In periods of the profile: the count, unless samples have values of their own. */
  value: number
}

export type BatchSamples = {
  readonly frames: readonly Frame[]
  readonly samples: readonly BatchSample[]
}

/** Samples by the hash of their stack. */
type Series = Map<number, BatchSample[]>

/** Adds up equal stacks of equal labels. */
export class SampleMerger implements BatchSamples {
  readonly frames: Frame[] = []
  readonly samples: BatchSample[] = []
  readonly #indexes = new Map<Frame, number>()
  readonly #series = new Map<Labels, Series>()
  readonly #seriesByText = new Map<string, Series>()

  /** `stack` leaf first, as indexOf() gave them. */
  add(labels: Labels, stack: readonly number[], count: number, value = count): void {
    const series = this.#seriesOf(labels)
    const hash = hashStack(stack)
    const bucket = series.get(hash)
    const known = bucket?.find((sample) => areEqual(sample.stack, stack))
    if (known) {
      known.count += count
      known.value += value
      return
    }
    const sample = { labels, stack, count, value }
    if (bucket) bucket.push(sample)
    else series.set(hash, [sample])
    this.samples.push(sample)
  }

  /** Of `frame` in `frames`. A frame is one object per address and file, so identity counts. */
  indexOf(frame: Frame): number {
    let index = this.#indexes.get(frame)
    if (index === undefined) {
      index = this.frames.push(frame) - 1
      this.#indexes.set(frame, index)
    }
    return index
  }

  #seriesOf(labels: Labels): Series {
    const known = this.#series.get(labels)
    if (known) return known
    const text = JSON.stringify(Object.entries(labels).sort())
    const series = this.#seriesByText.get(text) ?? new Map()
    this.#seriesByText.set(text, series)
    this.#series.set(labels, series)
    return series
  }
}

// A small integer, which a Map takes without allocating; what collides is compared.
function hashStack(stack: readonly number[]): number {
  let hash = stack.length
  for (let i = 0; i < stack.length; i++) hash = Math.imul(hash ^ (stack[i] as number), 0x5bd1e995)
  return (hash ^ (hash >>> 15)) & 0x3fffffff
}

function areEqual(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
