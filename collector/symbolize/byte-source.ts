import fs from 'node:fs'

/** Bytes that are read by position: a file, or memory that looks like one. */
export interface ByteSource {
  readonly sizeBytes: number
  /** Fills `into` from `position`; answers how many bytes there were. */
  read(into: Uint8Array, position: number): number
}

export class FileSource implements ByteSource {
  readonly sizeBytes: number
  readonly #fd: number

  /** The caller closes `fd`. */
  constructor(fd: number, sizeBytes: number) {
    this.#fd = fd
    this.sizeBytes = sizeBytes
  }

  read(into: Uint8Array, position: number): number {
    let n = 0
    try {
      while (n < into.length) {
        const got = fs.readSync(this.#fd, into, n, into.length - n, position + n)
        if (got === 0) break
        n += got
      }
    } catch {
      // EIO, ESTALE: for whoever reads, the file ends there.
    }
    return n
  }
}

export class MemorySource implements ByteSource {
  readonly sizeBytes: number
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.sizeBytes = bytes.length
  }

  read(into: Uint8Array, position: number): number {
    const part = this.#bytes.subarray(position, position + into.length)
    into.set(part)
    return part.length
  }
}

/** All of [position, position + length), or null when the source ends before or never had it. */
export function readExactly(source: ByteSource, position: number, length: number): Buffer | null {
  if (!isWithin(source, position, length)) return null
  const bytes = Buffer.allocUnsafe(length)
  return source.read(bytes, position) === length ? bytes : null
}

function isWithin(source: ByteSource, position: number, length: number): boolean {
  return position >= 0 && length >= 0 && position + length <= source.sizeBytes
}

const piece = Buffer.alloc(512)

/**
 * The bytes from `position` to the next NUL, at most `maxBytes` of them and never beyond `end`.
 * Null when `position` is outside.
 */
export function readCString(
  source: ByteSource,
  position: number,
  end: number,
  maxBytes: number,
): Buffer | null {
  if (position < 0 || position >= end || position >= source.sizeBytes) return null
  const limit = Math.min(end - position, maxBytes)
  const parts: Buffer[] = []
  for (let done = 0; done < limit; ) {
    const got = source.read(
      piece.subarray(0, Math.min(piece.length, limit - done)),
      position + done,
    )
    if (got === 0) break
    const nul = piece.subarray(0, got).indexOf(0)
    parts.push(Buffer.from(piece.subarray(0, nul < 0 ? got : nul)))
    if (nul >= 0) break
    done += got
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
}

const PAGE_BYTES = 64 << 10
const PAGES = 8

/** Keeps the pages read last, for work that reads many small pieces; half a megabyte at most. */
export class BufferedSource implements ByteSource {
  readonly sizeBytes: number
  readonly #source: ByteSource
  readonly #pages: { number: number; bytes: Buffer }[] = []

  constructor(source: ByteSource) {
    this.#source = source
    this.sizeBytes = source.sizeBytes
  }

  read(into: Uint8Array, position: number): number {
    if (into.length > PAGE_BYTES) return this.#source.read(into, position)
    let done = 0
    while (done < into.length) {
      const at = position + done
      const page = this.#page(Math.floor(at / PAGE_BYTES))
      const part = page.subarray(at % PAGE_BYTES, (at % PAGE_BYTES) + into.length - done)
      if (part.length === 0) break
      into.set(part, done)
      done += part.length
    }
    return done
  }

  #page(number: number): Buffer {
    const slot = number % PAGES
    const kept = this.#pages[slot]
    if (kept?.number === number) return kept.bytes
    const bytes = Buffer.allocUnsafe(PAGE_BYTES)
    const got = this.#source.read(bytes, number * PAGE_BYTES)
    this.#pages[slot] = { number, bytes: bytes.subarray(0, got) }
    return bytes.subarray(0, got)
  }
}
