import type { DropReason } from '../../infra/contract/account.ts'
import type { SampleKind, SampleWindow } from '../window.ts'
import { STACK_ABSENT } from '../window.ts'
import { KEY, SOURCE } from './sample-layout.ts'
import { SourceBuilder } from './source-builder.ts'
import { WordTable } from './word-table.ts'

/** Collects what one or more readings of the kernel's maps found, merging equal rows and stacks. */
export class WindowBuilder {
  readonly #stacks = new WordTable()
  readonly #sources = new Map<number, SourceBuilder>()
  readonly #startMs: number

  constructor(startMs: number) {
    this.#startMs = startMs
  }

  /**
   * `words` are 64-bit addresses, leaf first, low word before high. Zeros at the end are no part of a
   * stack; one without any frame is STACK_ABSENT.
   */
  addStack(words: Uint32Array, from: number, length: number): number {
    let end = length
    while (end > 0 && words[from + end - 1] === 0 && words[from + end - 2] === 0) end -= 2
    return end === 0 ? STACK_ABSENT : this.#stacks.intern(words, from, end)
  }

  /** `key` is a struct sample_key whose stack ids are replaced by indexes of stacks or STACK_…. */
  addRow(key: Uint32Array, count: number, sum = 0): void {
    this.#source(key[KEY.source] as number).addRow(key, count, sum)
  }

  addTaken(taken: number, idle: number, source: number = SOURCE.cpu, filtered = 0): void {
    this.#source(source).addTaken(taken, idle, filtered)
  }

  addDropped(reason: DropReason, samples: number, source: number = SOURCE.cpu): void {
    this.#source(source).addDropped(reason, samples)
  }

  /** `kinds` are the sources beside the CPU clock, by their numbers. */
  finish(
    endMs: number,
    frequencyHz: number,
    kinds: ReadonlyMap<number, SampleKind> = NO_KINDS,
  ): SampleWindow {
    const stackEnd = this.#stacks.ends.slice(0, this.#stacks.size).map((end) => end / 2)
    const addressWords = this.#stacks.words.slice(0, 2 * (stackEnd.at(-1) ?? 0))
    const beside = [...kinds].map(([source, kind]) => ({
      kind,
      ...this.#source(source).finish(kind.period === null),
    }))
    return {
      startMs: this.#startMs,
      endMs,
      frequencyHz,
      ...this.#source(SOURCE.cpu).finish(false),
      stackEnd,
      addresses: new BigUint64Array(addressWords.buffer),
      ...(beside.length > 0 && { beside }),
    }
  }

  #source(number: number): SourceBuilder {
    let source = this.#sources.get(number)
    if (!source) {
      source = new SourceBuilder()
      this.#sources.set(number, source)
    }
    return source
  }
}

const NO_KINDS: ReadonlyMap<number, SampleKind> = new Map()
