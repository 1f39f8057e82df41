import type { Image } from './image.ts'

/** Images by content, the least recently used forgotten first, bounded by what they keep in memory. */
export class ImageCache {
  #maxBytes: number
  // A Map keeps the order of insertion: the first is the one not asked for the longest.
  readonly #images = new Map<string, Image>()

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#images.size
  }

  /** Images grow as names are read from them. */
  get bytes(): number {
    let bytes = 0
    for (const image of this.#images.values()) bytes += image.bytes
    return bytes
  }

  get(key: string): Image | undefined {
    const image = this.#images.get(key)
    if (image === undefined) return undefined
    this.#images.delete(key)
    this.#images.set(key, image)
    return image
  }

  keepWithin(maxBytes: number): void {
    this.#maxBytes = maxBytes
  }

  /** The image stays, even when it alone is over the bound: it is needed right now. */
  add(key: string, image: Image): void {
    this.#images.delete(key)
    this.shrink(this.#maxBytes - image.bytes)
    this.#images.set(key, image)
  }

  /** Between two windows no image is needed, however big. */
  shrink(maxBytes: number): void {
    let bytes = this.bytes
    for (const [key, image] of this.#images) {
      if (bytes <= maxBytes) return
      this.#images.delete(key)
      bytes -= image.bytes
    }
  }
}
