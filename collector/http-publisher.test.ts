import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BATCH_MEDIA_TYPE, HttpPublisher } from './http-publisher.ts'
import type { PublishResult } from './publisher.ts'

const BATCH = { headers: { 'flamewatch-sequence': '7' }, body: Buffer.from([0x1f, 0x8b, 0, 255]) }
const NEVER = new AbortController().signal

type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void

let handle: Handler = () => {}
const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => handle(request, response, Buffer.concat(chunks)))
})
let address: URL

beforeEach(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  address = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})

afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

async function publish(
  answer: Handler,
  options: Partial<ConstructorParameters<typeof HttpPublisher>[0]> = {},
): Promise<PublishResult> {
  handle = answer
  const publisher = new HttpPublisher({ server: address, ...options })
  const result = await publisher.publish(BATCH, NEVER)
  await publisher.close()
  return result
}

function answer(status: number, body = '', headers: Record<string, string> = {}): Handler {
  return (_, response) => response.writeHead(status, headers).end(body)
}

function apiError(code: string, message: string): string {
  return JSON.stringify({ error: { code, message } })
}

test('posts the bytes with the headers of the contract', async () => {
  let seen: { request: IncomingMessage; body: Buffer } | undefined
  const result = await publish(
    (request, response, body) => {
      seen = { request, body }
      response.end('{}')
    },
    { token: 'secret' },
  )
  expect(result).toEqual({ kind: 'stored' })
  expect(seen?.request).toMatchObject({ method: 'POST', url: '/api/v1/batches' })
  expect(seen?.request.headers).toMatchObject({
    'flamewatch-sequence': '7',
    'content-type': BATCH_MEDIA_TYPE,
    'content-length': '4',
    authorization: 'Bearer secret',
  })
  expect(seen?.request.headers).not.toHaveProperty('content-encoding')
  expect(seen?.body).toEqual(BATCH.body)
})

test('sends no authorization without a token, and keeps the path of a server behind a proxy', async () => {
  let seen: IncomingMessage | undefined
  await publish(
    (request, response) => {
      seen = request
      response.end()
    },
    { server: new URL('/flamewatch', address) },
  )
  expect(seen?.url).toBe('/flamewatch/api/v1/batches')
  expect(seen?.headers).not.toHaveProperty('authorization')
})

describe('judges the answer', () => {
  test.each([200, 201, 204])('%i is stored', async (status) => {
    expect(await publish(answer(status))).toEqual({ kind: 'stored' })
  })

  test.each([400, 413, 415, 422])('%i is refused, in the words of the server', async (status) => {
    const body = apiError('malformed', 'Expected header x to be y.')
    expect(await publish(answer(status, body))).toEqual({
      kind: 'refused',
      reason: 'refused',
      detail: 'Expected header x to be y.',
    })
  })

  test('out of range is expired', async () => {
    const result = await publish(answer(422, apiError('out_of_range', 'Too old.')))
    expect(result).toEqual({ kind: 'refused', reason: 'expired', detail: 'Too old.' })
  })

  test.each([401, 403])('%i waits for a token, and says how to give one', async (status) => {
    const result = await publish(answer(status, apiError('unauthorized', 'Unknown token.')))
    expect(result).toMatchObject({
      kind: 'later',
      detail: expect.stringMatching(/^Unknown token\. .*--token/),
    })
  })

  test.each([302, 404, 405])('%i waits for the right address', async (status) => {
    const result = await publish(answer(status, '<html>', { location: '/' }))
    expect(result).toMatchObject({ kind: 'later', detail: expect.stringContaining('--server') })
  })

  test.each([408, 429, 500, 502, 503])('%i is tried again', async (status) => {
    expect(await publish(answer(status))).toEqual({ kind: 'later', detail: `status ${status}` })
  })

  test.each([
    ['seconds', '7', 7000],
    ['a date', new Date(1_700_000_020_000).toUTCString(), 20_000],
    ['more patience than is good', '86400', 600_000],
  ])('Retry-After in %s is heeded', async (_, header, afterMs) => {
    const options = { now: () => 1_700_000_000_000 }
    const result = await publish(answer(503, '', { 'retry-after': header }), options)
    expect(result).toMatchObject({ kind: 'later', afterMs })
  })

  test.each(['soon', '-1', '0', new Date(0).toUTCString()])(
    'Retry-After %j is left out',
    async (header) => {
      const result = await publish(answer(503, '', { 'retry-after': header }))
      expect(result).not.toHaveProperty('afterMs')
    },
  )
})

describe('is tried again later', () => {
  test('when nobody listens', async () => {
    const publisher = new HttpPublisher({ server: new URL('http://127.0.0.1:1') })
    expect(await publisher.publish(BATCH, NEVER)).toEqual({
      kind: 'later',
      detail: 'http://127.0.0.1:1: ECONNREFUSED',
    })
    await publisher.close()
  })

  test('when the server hangs up in the middle', async () => {
    const result = await publish((request) => request.socket.destroy())
    expect(result).toMatchObject({ kind: 'later', detail: expect.stringContaining('ECONNRESET') })
  })

  test('when the answer is cut short', async () => {
    const result = await publish((_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{', () => response.destroy())
    })
    expect(result).toMatchObject({ kind: 'later' })
  })

  test('when no answer comes in time', async () => {
    const result = await publish(() => {}, { timeoutMs: 50 })
    expect(result).toMatchObject({ kind: 'later', detail: expect.stringContaining('in time') })
  })

  test('when the collector stops', async () => {
    const stop = new AbortController()
    handle = () => stop.abort()
    const publisher = new HttpPublisher({ server: address })
    expect(await publisher.publish(BATCH, stop.signal)).toMatchObject({ kind: 'later' })
    await publisher.close()
  })
})

test('does not read an endless answer', async () => {
  const result = await publish((_, response) => {
    response.writeHead(500)
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    }
    response.on('drain', more)
    more()
  })
  expect(result).toEqual({ kind: 'later', detail: 'status 500' })
})
