// Rows of 32-bit words of any length, each kept once: the stacks of a window, and its rows.

const FIRST_ROWS = 1024
const FIRST_WORDS = 16 * 1024

export class WordTable {
  /** All rows one after another; row i ends at ends[i]. */
  words = new Uint32Array(FIRST_WORDS)
  ends = new Uint32Array(FIRST_ROWS)
  size = 0

  #hashes = new Int32Array(FIRST_ROWS)
  // Open addressing: a slot holds row + 1; at most half of the slots are taken.
  #slots = new Int32Array(2 * FIRST_ROWS)

  /** The row equal to source[from, from + length), which is added when there is none. */
  intern(source: Uint32Array, from: number, length: number): number {
    const hash = hashWords(source, from, length)
    const mask = this.#slots.length - 1
    let slot = hash & mask
    for (;;) {
      const taken = this.#slots[slot] as number
      if (taken === 0) break
      if (this.#hashes[taken - 1] === hash && this.#equals(taken - 1, source, from, length))
        return taken - 1
      slot = (slot + 1) & mask
    }
    const row = this.#append(source, from, length, hash)
    this.#slots[slot] = row + 1
    if (2 * this.size > this.#slots.length) this.#rehash()
    return row
  }

  startOf(row: number): number {
    return row === 0 ? 0 : (this.ends[row - 1] as number)
  }

  #equals(row: number, source: Uint32Array, from: number, length: number): boolean {
    const start = this.startOf(row)
    if ((this.ends[row] as number) - start !== length) return false
    const words = this.words
    for (let i = 0; i < length; i++) if (words[start + i] !== source[from + i]) return false
    return true
  }

  #append(source: Uint32Array, from: number, length: number, hash: number): number {
    const row = this.size
    const start = this.startOf(row)
    while (start + length > this.words.length) this.words = doubled(this.words)
    if (row === this.ends.length) {
      this.ends = doubled(this.ends)
      const hashes = new Int32Array(2 * row)
      hashes.set(this.#hashes)
      this.#hashes = hashes
    }
    const words = this.words
    for (let i = 0; i < length; i++) words[start + i] = source[from + i] as number
    this.ends[row] = start + length
    this.#hashes[row] = hash
    this.size = row + 1
    return row
  }

  #rehash(): void {
    const slots = new Int32Array(2 * this.#slots.length)
    const mask = slots.length - 1
    for (let row = 0; row < this.size; row++) {
      let slot = (this.#hashes[row] as number) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = row + 1
    }
    this.#slots = slots
  }
}

function doubled(old: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(2 * old.length)
  grown.set(old)
  return grown
}

// Only has to spread: rows are compared word by word.
function hashWords(words: Uint32Array, from: number, length: number): number {
  let hash = length
  for (let i = from; i < from + length; i++) {
    hash = Math.imul(hash ^ (words[i] as number), 0x5bd1e995)
    hash ^= hash >>> 15
  }
  return hash
}
