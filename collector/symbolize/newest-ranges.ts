/** Ranges [start, end) that may overlap, the oldest first. */
export type Ranges = { readonly starts: Float64Array; readonly ends: Float64Array }

/** Disjoint ranges in ascending order; `rows` says which of the given ranges each is part of. */
export type NewestRanges = Ranges & { readonly rows: Uint32Array }

/** What of each range is not covered by a newer one. */
export function keepNewest({ starts, ends }: Ranges): NewestRanges {
  const order = Uint32Array.from(starts, (_, row) => row).sort(
    (a, b) => (starts[a] as number) - (starts[b] as number),
  )
  // Every range begins at most one piece and lets one older piece go on behind it.
  const pieces = new PieceWriter(2 * starts.length)
  const open = new NewestFirst(starts.length)
  let at = Number.NEGATIVE_INFINITY
  for (let i = 0; i < order.length || open.size > 0; ) {
    const next =
      i < order.length ? (starts[order[i] as number] as number) : Number.POSITIVE_INFINITY
    // Up to the next start the newest of the open ranges is what counts.
    while (open.size > 0 && at < next) {
      const row = open.newest
      const end = Math.min(ends[row] as number, next)
      if (end > at) pieces.add(at, end, row)
      at = Math.max(at, end)
      if ((ends[row] as number) <= at) open.remove()
    }
    at = Math.max(at, next)
    for (; i < order.length && starts[order[i] as number] === next; i++)
      open.add(order[i] as number)
  }
  return pieces.finish()
}

class PieceWriter {
  readonly #starts: Float64Array
  readonly #ends: Float64Array
  readonly #rows: Uint32Array
  #count = 0

  constructor(capacity: number) {
    this.#starts = new Float64Array(capacity)
    this.#ends = new Float64Array(capacity)
    this.#rows = new Uint32Array(capacity)
  }

  add(start: number, end: number, row: number): void {
    const last = this.#count - 1
    if (last >= 0 && this.#rows[last] === row && this.#ends[last] === start) {
      this.#ends[last] = end
      return
    }
    const n = this.#count++
    this.#starts[n] = start
    this.#ends[n] = end
    this.#rows[n] = row
  }

  finish(): NewestRanges {
    return {
      starts: this.#starts.slice(0, this.#count),
      ends: this.#ends.slice(0, this.#count),
      rows: this.#rows.slice(0, this.#count),
    }
  }
}

/** A binary heap with the greatest (newest) row on top. */
class NewestFirst {
  readonly #heap: Uint32Array
  size = 0

  constructor(capacity: number) {
    this.#heap = new Uint32Array(capacity)
  }

  get newest(): number {
    return this.#heap[0] as number
  }

  add(row: number): void {
    let at = this.size++
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if ((this.#heap[parent] as number) >= row) break
      this.#heap[at] = this.#heap[parent] as number
      at = parent
    }
    this.#heap[at] = row
  }

  remove(): void {
    const last = this.#heap[--this.size] as number
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.size) break
      if (
        child + 1 < this.size &&
        (this.#heap[child + 1] as number) > (this.#heap[child] as number)
      )
        child++
      if ((this.#heap[child] as number) <= last) break
      this.#heap[at] = this.#heap[child] as number
      at = child
    }
    this.#heap[at] = last
  }
}
