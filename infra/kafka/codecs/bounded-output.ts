/** Bytes that grow, up to a limit: what comes from outside may claim any size. */
export class BoundedOutput {
  #bytes: Buffer
  #length = 0
  readonly #limitBytes: number

  constructor(limitBytes: number, expectedBytes = 64 << 10) {
    this.#limitBytes = limitBytes
    this.#bytes = Buffer.allocUnsafe(Math.min(limitBytes, expectedBytes))
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Repeats what was written `distance` bytes ago; a match may overlap itself. Throws RangeError. */
  repeat(distance: number, length: number): void {
    if (distance < 1 || distance > this.#length)
      throw new RangeError(`a match ${distance} bytes back, of ${this.#length}`)
    this.#reserve(length)
    let left = length
    while (left > 0) {
      const piece = Math.min(left, distance)
      const from = this.#length - distance
      this.#bytes.copyWithin(this.#length, from, from + piece)
      this.#length += piece
      left -= piece
    }
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(more: number): void {
    const needed = this.#length + more
    if (needed > this.#limitBytes) throw new RangeError(`more than ${this.#limitBytes} bytes`)
    if (needed <= this.#bytes.length) return
    const size = Math.min(this.#limitBytes, Math.max(needed, this.#bytes.length * 2))
    const larger = Buffer.allocUnsafe(size)
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }
}
