import { describe, expect, test } from 'vitest'
import { createApi } from '../../infra/runtime/api.ts'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { BodyReader } from './body.ts'

const MAX = 1000

/** An app that answers how long the body was, after `task`. */
function serve(bodies: BodyReader, task: () => Promise<void> = async () => {}) {
  const app = createApi()
  app.post('/', (c) =>
    bodies.withBody(c, async (body) => {
      await task()
      return c.text(String(body.length))
    }),
  )
  app.onError((error, c) => {
    if (error instanceof FlamewatchError) return c.text(error.code, error.status as 413)
    throw error
  })
  return async (body: Buffer | ReadableStream, headers: Record<string, string> = {}) => {
    const answer = await app.request('/', {
      method: 'POST',
      body,
      headers,
      duplex: 'half',
    } as RequestInit)
    return `${answer.status} ${await answer.text()}`
  }
}

/** A body whose length nobody says, in pieces of 100 bytes; `read` counts the pieces taken. */
function inPieces(pieces: number) {
  const taken = { count: 0, cancelled: false }
  const stream = new ReadableStream({
    pull(controller) {
      if (taken.count === pieces) return controller.close()
      taken.count++
      controller.enqueue(new Uint8Array(100))
    },
    cancel() {
      taken.cancelled = true
    },
  })
  return { stream, taken }
}

const said = (length: number) => ({ 'content-length': String(length) })

describe('a body', () => {
  test('of said length is read up to the limit', async () => {
    const post = serve(new BodyReader(MAX))
    expect(await post(Buffer.alloc(MAX), said(MAX))).toBe('200 1000')
    expect(await post(Buffer.alloc(MAX + 1), said(MAX + 1))).toBe('413 too_large')
    expect(await post(Buffer.alloc(0), said(0))).toBe('200 0')
  })

  test('in pieces is read up to the limit and no further', async () => {
    const post = serve(new BodyReader(MAX))
    expect(await post(inPieces(10).stream)).toBe('200 1000')
    const endless = inPieces(1_000_000)
    expect(await post(endless.stream)).toBe('413 too_large')
    expect(endless.taken.count).toBeLessThan(20)
    expect(endless.taken.cancelled).toBe(true)
  })

  test('waits outside when others take all the room', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    const post = serve(new BodyReader(MAX, 2 * MAX), () => gate)
    const first = post(Buffer.alloc(900), said(900))
    const second = post(Buffer.alloc(900), said(900))
    expect(await post(Buffer.alloc(300), said(300))).toBe('503 overloaded')
    expect(await post(inPieces(1).stream)).toBe('503 overloaded')
    open()
    expect([await first, await second]).toEqual(['200 900', '200 900'])
    expect(await post(Buffer.alloc(300), said(300))).toBe('200 300')
  })

  test('that is refused gives its room back', async () => {
    const post = serve(new BodyReader(MAX, MAX))
    for (let i = 0; i < 3; i++) expect(await post(inPieces(100).stream)).toBe('413 too_large')
    expect(await post(inPieces(10).stream)).toBe('200 1000')
  })

  test('in an encoding nobody reads is refused', async () => {
    const post = serve(new BodyReader(MAX))
    expect(await post(Buffer.alloc(5), { ...said(5), 'content-encoding': 'zstd' })).toBe(
      '415 unsupported_media',
    )
    expect(await post(Buffer.alloc(5), { ...said(5), 'content-encoding': 'gzip' })).toBe('200 5')
  })
})
