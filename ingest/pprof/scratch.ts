// Larger ones are not kept: one huge profile must not fill the memory for good.
const KEPT_WORDS = 1 << 20

/**
 * Arrays that outlive a scan. Most profiles are small and alike, and making a megabyte of arrays for
 * each took a fifth of the time of its scan.
 */
export class Scratch {
  readonly #arrays = new Map<string, Uint32Array<ArrayBuffer>>()
  readonly #used = new Set<string>()

  /** Starts a scan: what the last one was given may be given away again. */
  reset(): void {
    this.#used.clear()
  }

  /** At least `length` words, with anything in them. A name stands for one array in a scan. */
  words(name: string, length: number): Uint32Array<ArrayBuffer> {
    if (this.#used.has(name)) throw new Error(`two arrays are named ${name}`)
    this.#used.add(name)
    return this.#take(name, length)
  }

  #take(name: string, length: number): Uint32Array<ArrayBuffer> {
    const kept = this.#arrays.get(name)
    if (kept && kept.length >= length) return kept
    const words = new Uint32Array(1 << Math.max(10, 32 - Math.clz32(Math.max(0, length - 1))))
    if (words.length <= KEPT_WORDS) this.#arrays.set(name, words)
    return words
  }

  /** The same words, the first `length` of them 0. */
  zeros(name: string, length: number): Uint32Array<ArrayBuffer> {
    return this.words(name, length).fill(0, 0, length)
  }

  /** `words` in an array of twice the length, under the same name. */
  grow(name: string, words: Uint32Array): Uint32Array<ArrayBuffer> {
    const larger = this.#take(name, words.length * 2)
    larger.set(words)
    return larger
  }
}
