import type { Context } from 'hono'
import { FlamewatchError } from '../../infra/runtime/errors.ts'

// All bodies in memory at once: what a crowd of senders can take of this process.
const MAX_BODIES_BYTES = 128 * 1024 * 1024

/** Reads bodies within a limit each and a limit for all of them together. */
export class BodyReader {
  readonly #maxBytes: number
  readonly #maxTotal: number
  #total = 0

  constructor(maxBytes: number, maxTotal = MAX_BODIES_BYTES) {
    this.#maxBytes = maxBytes
    this.#maxTotal = Math.max(maxBytes, maxTotal)
  }

  /**
   * Reads the body and runs `task` on it; the body counts until the task is done. Throws `too_large`
   * (413) before reading when the sender says so, else while reading; `overloaded` (503) when there
   * is no room now.
   */
  async withBody<T>(c: Context, task: (body: Uint8Array) => Promise<T>): Promise<T> {
    refuseEncoding(c.req.header('content-encoding'))
    const said = Number(c.req.header('content-length') ?? Number.NaN)
    if (said > this.#maxBytes) throw this.#tooLarge()
    const reserved = Number.isNaN(said) ? this.#maxBytes : said
    if (this.#total + reserved > this.#maxTotal)
      throw new FlamewatchError('overloaded', 'Too many profiles are being received at once.', {
        hint: 'Send it again in a moment.',
        retriable: true,
        status: 503,
      })
    this.#total += reserved
    try {
      // A body of said length cannot be longer: the HTTP parser holds it to that.
      const body = Number.isNaN(said) ? await this.#readChunks(c) : await c.req.arrayBuffer()
      return await task(new Uint8Array(body))
    } finally {
      this.#total -= reserved
    }
  }

  async #readChunks(c: Context): Promise<ArrayBuffer> {
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of c.req.raw.body ?? []) {
      size += chunk.length
      if (size > this.#maxBytes) throw this.#tooLarge()
      chunks.push(chunk)
    }
    return new Uint8Array(Buffer.concat(chunks)).buffer
  }

  #tooLarge(): FlamewatchError {
    return new FlamewatchError('too_large', `The body has more than ${this.#maxBytes} bytes.`, {
      hint: 'Send smaller profiles, or start the server with a larger --max-body-mb.',
      status: 413,
    })
  }
}

// gzip needs no header: it is known by its first bytes.
function refuseEncoding(encoding: string | undefined): void {
  if (encoding === undefined || /^(gzip|x-gzip|identity)$/i.test(encoding)) return
  throw new FlamewatchError('unsupported_media', `Content-Encoding ${encoding} is not read here.`, {
    hint: 'Send the profile as gzip or plain.',
    status: 415,
  })
}
