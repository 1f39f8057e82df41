import http from 'node:http'
import https from 'node:https'
import type { OutgoingBatch, Publisher, PublishResult } from './publisher.ts'

export type HttpPublisherOptions = {
  /** Base address of the server, for example `http://127.0.0.1:3526`. */
  readonly server: URL
  readonly token?: string | undefined
  readonly timeoutMs?: number
  /** Unix ms. */
  readonly now?: () => number
}

// The body is a pprof file, which is gzip by its definition: the type says so, and a
// content-encoding (which a proxy might undo) is not set.
export const BATCH_MEDIA_TYPE = 'application/vnd.google.protobuf+gzip'

const TIMEOUT_MS = 30_000
const MAX_ANSWER_BYTES = 64 * 1024
// A server may ask for patience, not for silence: the spool would run full.
const MAX_RETRY_AFTER_MS = 10 * 60_000
const MALFORMED: ReadonlySet<number> = new Set([400, 413, 415, 422])

type Answer = {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly text: string
}

/** Sends batches to `POST /api/v1/batches`. */
export class HttpPublisher implements Publisher {
  readonly #options: HttpPublisherOptions
  readonly #url: URL
  readonly #agent: http.Agent | https.Agent

  constructor(options: HttpPublisherOptions) {
    this.#options = options
    this.#url = new URL('api/v1/batches', withSlash(options.server))
    const { Agent } = this.#url.protocol === 'https:' ? https : http
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1 })
  }

  async publish(batch: OutgoingBatch, signal: AbortSignal): Promise<PublishResult> {
    try {
      return this.#judge(await this.#post(batch, signal))
    } catch (error) {
      return { kind: 'later', detail: describe(error, this.#url) }
    }
  }

  async close(): Promise<void> {
    this.#agent.destroy()
  }

  #post({ headers, body }: OutgoingBatch, signal: AbortSignal): Promise<Answer> {
    const { token, timeoutMs = TIMEOUT_MS } = this.#options
    const { request } = this.#url.protocol === 'https:' ? https : http
    return new Promise((resolve, reject) => {
      const outgoing = request(this.#url, {
        method: 'POST',
        agent: this.#agent,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        headers: {
          ...headers,
          'content-type': BATCH_MEDIA_TYPE,
          'content-length': body.length,
          ...(token && { authorization: `Bearer ${token}` }),
        },
      })
      outgoing.on('error', reject)
      outgoing.on('response', (incoming) => {
        const { statusCode: status = 0, headers } = incoming
        readText(incoming).then(
          (text) => resolve({ status, text, retryAfter: headers['retry-after'] }),
          reject,
        )
      })
      outgoing.end(body)
    })
  }

  #judge({ status, text, retryAfter }: Answer): PublishResult {
    if (status >= 200 && status < 300) return { kind: 'stored' }
    const { code, message } = readError(text)
    const detail = message ?? `status ${status}`
    if (MALFORMED.has(status)) {
      const reason = code === 'out_of_range' ? 'expired' : 'refused'
      return { kind: 'refused', reason, detail }
    }
    return { kind: 'later', detail: `${detail}${remedy(status)}`, ...this.#patience(retryAfter) }
  }

  #patience(retryAfter: string | undefined): { afterMs?: number } {
    if (retryAfter === undefined) return {}
    // Seconds, or an HTTP date.
    const ms = /^\d+$/.test(retryAfter)
      ? Number(retryAfter) * 1000
      : Date.parse(retryAfter) - (this.#options.now ?? Date.now)()
    return ms > 0 ? { afterMs: Math.min(ms, MAX_RETRY_AFTER_MS) } : {}
  }
}

// Statuses that somebody must do something about: the batch is good and waits for it.
function remedy(status: number): string {
  if (status === 401 || status === 403)
    return ` (status ${status}: give a token the server knows with --token)`
  if (status >= 300 && status < 500 && status !== 408 && status !== 429)
    return ` (status ${status}: is --server the address of a Flamewatch server?)`
  return ''
}

async function readText(incoming: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_ANSWER_BYTES) break
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

// `{error: {code, message}}` of the API; a proxy in between answers otherwise.
function readError(text: string): { code?: string; message?: string } {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: unknown; message?: unknown } }
    const { code, message } = error ?? {}
    return {
      ...(typeof code === 'string' && { code }),
      ...(typeof message === 'string' && { message: message.slice(0, 500) }),
    }
  } catch {
    return {}
  }
}

function describe(error: unknown, { origin }: URL): string {
  if (!(error instanceof Error)) return `${origin}: ${error}`
  // An AbortError: the signal's reason says which of the two it was.
  if (error.cause instanceof DOMException)
    return error.cause.name === 'TimeoutError' ? `${origin}: no answer in time` : 'stopped'
  return `${origin}: ${(error as NodeJS.ErrnoException).code ?? error.message}`
}

function withSlash(url: URL): URL {
  return url.pathname.endsWith('/') ? url : new URL(`${url.href}/`)
}
