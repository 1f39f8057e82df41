import fs from 'node:fs'
import type { OpenResult } from '../process/mapped-file.ts'
import { type ByteSource, FileSource } from './byte-source.ts'

const MAX_OPEN = 16

/**
 * Files that stay open while the current turn of the event loop runs, and no longer: a program that is
 * profiled for the first time asks for a thousand names of one file in a row, and opening it costs
 * as much as reading one.
 */
export class OpenFiles<K extends object> {
  readonly #sources = new Map<K, ByteSource | null>()
  readonly #fds: number[] = []
  #closing = false

  /** The bytes of `key`, opened by `open` when they are not yet; null when that is not possible. */
  source(key: K, open: () => OpenResult): ByteSource | null {
    const known = this.#sources.get(key)
    if (known !== undefined) return known
    if (this.#fds.length >= MAX_OPEN) this.closeAll()
    const opened = open()
    const source = opened.kind === 'file' ? new FileSource(opened.fd, opened.sizeBytes) : null
    if (opened.kind === 'file') this.#fds.push(opened.fd)
    this.#sources.set(key, source)
    this.#closeSoon()
    return source
  }

  closeAll(): void {
    for (const fd of this.#fds.splice(0)) fs.closeSync(fd)
    this.#sources.clear()
  }

  #closeSoon(): void {
    if (this.#closing) return
    this.#closing = true
    setImmediate(() => {
      this.#closing = false
      this.closeAll()
    })
  }
}
