import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { createRoute, z } from '@hono/zod-openapi'
import { afterEach, describe, expect, it } from 'vitest'
import { createApi } from './api.ts'
import { chooseCoding } from './compress.ts'
import { FlamewatchError } from './errors.ts'
import type { HttpOptions, HttpServer } from './http.ts'
import { serveHttp } from './http.ts'
import { isLoopback, parseListen } from './listen.ts'
import { silentLog } from './log.ts'
import { createMetrics } from './metrics.ts'
import { createSite } from './site.ts'

const LONG = 'flame '.repeat(1000)

function createRoom() {
  const api = createApi()
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/double',
      request: { query: z.object({ n: z.coerce.number().min(0) }) },
      responses: { 200: { description: 'Twice n.' } },
    }),
    (c) => c.json({ value: c.req.valid('query').n * 2 }),
  )
  api.get('/api/v1/long', (c) => c.text(LONG))
  api.get('/api/v1/stream', (c) => {
    c.header('Content-Type', 'text/plain')
    c.header('Transfer-Encoding', 'chunked')
    const parts = Array.from({ length: 500 }, () => 'flame '.repeat(2))
    return c.body(ReadableStream.from(parts).pipeThrough(new TextEncoderStream()))
  })
  api.post('/api/v1/things', (c) => c.json({ made: true }, 201))
  api.get('/api/v1/broken', () => {
    throw new Error('the secret path is /root/secret')
  })
  api.get('/api/v1/limit', () => {
    throw new FlamewatchError('overloaded', 'Too many queries.', { status: 503, retriable: true })
  })
  return api
}

function createTestSite(extra: Partial<Parameters<typeof createSite>[0]> = {}) {
  return createSite({
    apps: [createRoom()],
    log: silentLog(),
    metrics: createMetrics(),
    ...extra,
  })
}

const ErrorAnswer = z.object({ error: z.object({ code: z.string(), message: z.string() }) })

async function errorOf(answer: Response) {
  return ErrorAnswer.parse(await answer.json()).error
}

const open: HttpServer[] = []
const folders: string[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

async function serve(extra: Partial<HttpOptions> = {}): Promise<HttpServer> {
  const server = await serveHttp({
    listen: '127.0.0.1:0',
    apps: [createRoom()],
    log: silentLog(),
    metrics: createMetrics(),
    ...extra,
  })
  open.push(server)
  return server
}

function makePage(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flamewatch-page-'))
  folders.push(folder)
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Flamewatch</title>')
  writeFileSync(join(folder, 'assets/main-abc123.js'), 'plain')
  writeFileSync(join(folder, 'assets/main-abc123.js.br'), 'as brotli')
  return folder
}

describe('errors', () => {
  it('answers what a schema refuses with 400 in the common shape', async () => {
    const answer = await createTestSite().request('/api/v1/double?n=-1')
    expect(answer.status).toBe(400)
    const error = await errorOf(answer)
    expect(error.code).toBe('malformed')
    expect(error.message).toMatch(/^n: /)
  })

  it('tells nothing of an unexpected error', async () => {
    const answer = await createTestSite().request('/api/v1/broken')
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toContain('secret')
  })

  it('answers 404 for an unknown route, also where a page is served', async () => {
    const site = createTestSite({ uiDirectory: makePage() })
    const answer = await site.request('/api/v1/nothing')
    expect(answer.status).toBe(404)
    expect((await errorOf(answer)).code).toBe('not_found')
  })

  it('answers 405 with Allow for a known route and another method', async () => {
    const answer = await createTestSite().request('/api/v1/things')
    expect(answer.status).toBe(405)
    expect(answer.headers.get('Allow')).toBe('POST')
    expect((await errorOf(answer)).code).toBe('method_not_allowed')
  })

  it('says when to try again', async () => {
    const answer = await createTestSite().request('/api/v1/limit')
    expect(answer.status).toBe(503)
    expect(answer.headers.get('Retry-After')).toBe('1')
  })
})

describe('operations', () => {
  it('merges the rooms into one OpenAPI document', async () => {
    const other = createApi()
    other.openapi(
      createRoute({
        method: 'get',
        path: '/api/v1/other',
        responses: { 200: { description: 'Other.' } },
      }),
      (c) => c.text('other'),
    )
    const site = createTestSite({ apps: [createRoom(), other] })
    const answer = await site.request('/api/v1/openapi.json')
    const document = z
      .object({ paths: z.record(z.string(), z.unknown()) })
      .parse(await answer.json())
    expect(Object.keys(document.paths)).toEqual(['/api/v1/double', '/api/v1/other'])
  })

  it('says whether it is alive and ready', async () => {
    const site = createTestSite({ ready: () => Promise.reject(new Error('store is away')) })
    expect((await site.request('/healthz')).status).toBe(200)
    const answer = await site.request('/readyz')
    expect(answer.status).toBe(503)
    expect((await errorOf(answer)).message).toContain('store is away')
  })

  it('counts requests by the pattern of their route, never by their path', async () => {
    const site = createTestSite()
    await site.request('/api/v1/double?n=2')
    await site.request('/hostile/path')
    const text = await (await site.request('/metrics')).text()
    expect(text).toContain('route="/api/v1/double"')
    expect(text).not.toContain('hostile')
  })
})

describe('page', () => {
  it('serves hashed assets for ever and index.html for every other path', async () => {
    const site = createTestSite({ uiDirectory: makePage() })
    const script = await site.request('/assets/main-abc123.js')
    expect(script.headers.get('Cache-Control')).toContain('immutable')
    expect(script.headers.get('Content-Type')).toContain('text/javascript')
    const view = await site.request('/s/checkout?b=v2')
    expect(await view.text()).toContain('<title>Flamewatch')
    expect(view.headers.get('Cache-Control')).toBe('no-cache')
    expect(view.headers.get('Content-Security-Policy')).toContain("default-src 'none'")
    const missing = await site.request('/assets/gone.js')
    expect(missing.status).toBe(404)
  })

  it('sends precompressed files and answers 304 when nothing changed', async () => {
    const site = createTestSite({ uiDirectory: makePage() })
    const headers = { 'Accept-Encoding': 'gzip, br' }
    const script = await site.request('/assets/main-abc123.js', { headers })
    expect(script.headers.get('Content-Encoding')).toBe('br')
    expect(await script.text()).toBe('as brotli')
    const again = await site.request('/assets/main-abc123.js', {
      headers: { 'If-None-Match': script.headers.get('ETag') ?? '' },
    })
    expect(again.status).toBe(304)
  })

  it.each(['/%2e%2e/%2e%2e/etc/passwd', '/..%2fsecret', '//etc/passwd', '/%00', '/%5c..%5csecret'])(
    'keeps %s inside the page',
    async (path) => {
      const server = await serve({ uiDirectory: makePage() })
      const answer = await new Promise<{ status: number; body: string }>((resolve, reject) => {
        request(`${server.url}/`, { path }, (res) => {
          let body = ''
          res.on('data', (chunk) => {
            body += chunk
          })
          res.on('end', () => resolve({ status: res.statusCode ?? 0, body }))
        })
          .on('error', reject)
          .end()
      })
      expect(answer.body).not.toContain('root:')
      expect([200, 400, 404]).toContain(answer.status)
    },
  )
})

describe('compression', () => {
  it.each([
    ['br, gzip', 'br', (body: Buffer) => brotliDecompressSync(body)],
    ['gzip', 'gzip', (body: Buffer) => gunzipSync(body)],
  ] as const)('answers %s with %s', async (accept, coding, inflate) => {
    const answer = await createTestSite().request('/api/v1/long', {
      headers: { 'Accept-Encoding': accept },
    })
    expect(answer.headers.get('Content-Encoding')).toBe(coding)
    expect(answer.headers.get('Vary')).toContain('Accept-Encoding')
    expect(inflate(Buffer.from(await answer.arrayBuffer())).toString()).toBe(LONG)
  })

  it.each(['br', 'gzip', 'identity'])(
    'streams what is made while it is sent as %s',
    async (coding) => {
      const server = await serve()
      const answer = await fetch(`${server.url}/api/v1/stream`, {
        headers: { 'Accept-Encoding': coding },
      })
      expect(answer.headers.get('Content-Encoding')).toBe(coding === 'identity' ? null : coding)
      expect(await answer.text()).toBe(LONG)
    },
  )

  it('keeps the status of a compressed answer', async () => {
    const answer = await createTestSite().request('/api/v1/nothing', {
      headers: { 'Accept-Encoding': 'gzip' },
    })
    expect(answer.status).toBe(404)
  })

  it('sends as it is what the client did not ask to be compressed', async () => {
    const answer = await createTestSite().request('/api/v1/long')
    expect(answer.headers.get('Content-Encoding')).toBeNull()
    expect(await answer.text()).toBe(LONG)
    expect(chooseCoding('br;q=0, gzip;q=0.5')).toBe('gzip')
    expect(chooseCoding('identity')).toBeNull()
  })
})

describe('who may ask', () => {
  const basic = (password: string) => `Basic ${Buffer.from(`any:${password}`).toString('base64')}`

  it.each([
    ['nothing', undefined, 401],
    ['another token', 'Bearer wrong', 401],
    ['half a token', 'Bearer secret-toke', 401],
    ['the token', 'Bearer secret-token', 200],
    ['the second token', 'Bearer other', 200],
    ['the token as a password', basic('secret-token'), 200],
    ['another password', basic('wrong'), 401],
    ['no password', `Basic ${Buffer.from('secret-token').toString('base64')}`, 401],
  ])('given %s', async (_, authorization, status) => {
    const site = createTestSite({ tokens: ['secret-token', 'other'] })
    const headers = authorization === undefined ? {} : { Authorization: authorization }
    const answer = await site.request('/api/v1/double?n=1', { headers })
    expect(answer.status).toBe(status)
    if (status === 401) {
      expect(answer.headers.get('WWW-Authenticate')).toContain('Basic')
      expect((await errorOf(answer)).code).toBe('unauthorized')
    }
  })

  it('asks for the token on every path but the probes', async () => {
    const site = createTestSite({ tokens: ['t'], uiDirectory: makePage() })
    for (const path of ['/', '/metrics', '/api/v1/openapi.json', '/assets/main-abc123.js'])
      expect((await site.request(path)).status).toBe(401)
    for (const path of ['/healthz', '/readyz']) expect((await site.request(path)).status).toBe(200)
  })

  it.each([
    ['127.0.0.1:3526', 200],
    ['localhost:3526', 200],
    ['[::1]:3526', 200],
    ['10.0.0.1', 200],
    ['evil.example:3526', 403],
    ['127.0.0.1.evil.example', 403],
    ['localhost@evil.example', 403],
  ])('on loopback without tokens, host %s', async (host, status) => {
    const site = createTestSite({ loopbackHost: '127.0.0.1' })
    const answer = await site.request('/api/v1/double?n=1', { headers: { Host: host } })
    expect(answer.status).toBe(status)
  })

  it('takes nothing that a foreign page sends through a browser', async () => {
    const site = createTestSite()
    const post = async (headers: Record<string, string>) =>
      (await site.request('/api/v1/things', { method: 'POST', headers })).status
    expect(await post({})).toBe(201)
    expect(await post({ Host: '127.0.0.1:1', Origin: 'http://127.0.0.1:1' })).toBe(201)
    expect(await post({ Host: '127.0.0.1:1', Origin: 'http://evil.example' })).toBe(403)
    expect(await post({ Origin: 'null' })).toBe(403)
    expect(await post({ 'Sec-Fetch-Site': 'cross-site' })).toBe(403)
    expect(await post({ 'Sec-Fetch-Site': 'same-origin' })).toBe(201)
  })
})

describe('listening', () => {
  it('reads addresses', () => {
    expect(parseListen('127.0.0.1:3526')).toEqual({ host: '127.0.0.1', port: 3526 })
    expect(parseListen('[::1]:0')).toEqual({ host: '::1', port: 0 })
    expect(parseListen(':80')).toEqual({ host: '', port: 80 })
    for (const text of ['', '3526', 'a:b', 'host:70000', '::1:3526', 'http://a:1'])
      expect(() => parseListen(text)).toThrow(/HOST:PORT/)
  })

  it('knows loopback', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '0:0:0:0:0:0:0:1'])
      expect(isLoopback(host)).toBe(true)
    for (const host of ['', '0.0.0.0', '::', '10.0.0.1', '127.evil.example', 'localhost.evil'])
      expect(isLoopback(host)).toBe(false)
  })

  it('refuses to listen beyond this machine without tokens, with the remedy', async () => {
    await expect(serve({ listen: '0.0.0.0:0' })).rejects.toMatchObject({
      code: 'listen_refused',
      hint: expect.stringContaining('--insecure'),
    })
    const server = await serve({ listen: '0.0.0.0:0', tokens: ['t'] })
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    await serve({ listen: '0.0.0.0:0', insecure: true })
  })

  it('says that an address is in use', async () => {
    const { url } = await serve()
    await expect(serve({ listen: url.slice('http://'.length) })).rejects.toMatchObject({
      code: 'address_in_use',
    })
  })

  it('serves over a socket and closes once', async () => {
    const server = await serve()
    const answer = await fetch(`${server.url}/api/v1/double?n=21`)
    expect(await answer.json()).toEqual({ value: 42 })
    await Promise.all([server.close(), server.close()])
    await expect(fetch(server.url)).rejects.toThrow()
  })

  it('lets an answer under way finish while closing', async () => {
    const api = createApi()
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let entered = () => {}
    const inside = new Promise<void>((resolve) => {
      entered = resolve
    })
    api.get('/slow', async (c) => {
      entered()
      await held
      return c.text('done')
    })
    const server = await serve({ apps: [api] })
    const answer = fetch(`${server.url}/slow`)
    await inside
    const closed = server.close()
    release()
    expect(await (await answer).text()).toBe('done')
    await closed
  })

  it('refuses headers without end', async () => {
    const server = await serve()
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    const answer = await new Promise<string>((resolve, reject) => {
      socket.on('data', (chunk) => resolve(String(chunk)))
      socket.on('error', reject)
      socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ${'a'.repeat(100_000)}`)
    })
    socket.destroy()
    expect(answer).toMatch(/^HTTP\/1\.1 431/)
  })
})
