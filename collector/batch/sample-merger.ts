import type { Labels } from '../../infra/contract/labels.ts'
import type { Frame } from '../symbolize/frame.ts'

/** One stack of one series, whichever processes and addresses it came from. */
export type BatchSample = {
  readonly labels: Labels
  /** Leaf first; indexes of `BatchSamples.frames`. */
  readonly stack: readonly number[]
  count: number
}

export type BatchSamples = {
  readonly frames: readonly Frame[]
  readonly samples: readonly BatchSample[]
}

/** Adds up equal stacks of equal labels. */
export class SampleMerger implements BatchSamples {
  readonly frames: Frame[] = []
  readonly samples: BatchSample[] = []
  readonly #indexes = new Map<Frame, number>()
  readonly #series = new Map<Labels, Map<string, BatchSample>>()
  readonly #seriesByText = new Map<string, Map<string, BatchSample>>()

  /** `stack` leaf first. */
  add(labels: Labels, stack: readonly Frame[], count: number): void {
    const indexes = stack.map((frame) => this.#indexOf(frame))
    const series = this.#seriesOf(labels)
    const key = indexes.join()
    const known = series.get(key)
    if (known) {
      known.count += count
      return
    }
    const sample = { labels, stack: indexes, count }
    series.set(key, sample)
    this.samples.push(sample)
  }

  // A frame is one object per address and file, so identity counts.
  #indexOf(frame: Frame): number {
    let index = this.#indexes.get(frame)
    if (index === undefined) {
      index = this.frames.push(frame) - 1
      this.#indexes.set(frame, index)
    }
    return index
  }

  #seriesOf(labels: Labels): Map<string, BatchSample> {
    let series = this.#series.get(labels)
    if (series) return series
    const text = JSON.stringify(Object.entries(labels).sort())
    series = this.#seriesByText.get(text) ?? new Map()
    this.#seriesByText.set(text, series)
    this.#series.set(labels, series)
    return series
  }
}
