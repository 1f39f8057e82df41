import { afterEach, expect, test } from 'vitest'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import type { HttpServer } from '../../infra/runtime/http.ts'
import { serveHttp } from '../../infra/runtime/http.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { createMetrics } from '../../infra/runtime/metrics.ts'
import { defaultOptions } from '../../infra/runtime/options.ts'
import type { QueryOptions as StatementOptions, Store } from '../../infra/store/store.ts'
import { ErrorBody } from '../../query/api.ts'
import { createQuery } from '../../query/main.ts'
import type { QueryOptions } from '../../query/options.ts'
import { queryOptions } from '../../query/options.ts'

// What a question may cost, over a store whose statements end only when they are stopped.

class HeldStore implements Store {
  readonly kind = 'embedded'
  readonly statements: StatementOptions[] = []
  #started = () => {}
  readonly started = new Promise<void>((resolve) => {
    this.#started = resolve
  })

  rows<T>(_: unknown, options: StatementOptions = {}): Promise<T[]> {
    return this.#hold(options)
  }

  binary(_: unknown, options: StatementOptions = {}): Promise<Buffer> {
    return this.#hold(options)
  }

  #hold(options: StatementOptions): Promise<never> {
    this.statements.push(options)
    this.#started()
    return new Promise((_, reject) => {
      options.signal?.addEventListener('abort', () =>
        reject(new FlamewatchError('query_cancelled', 'Stopped.', { status: 499 })),
      )
    })
  }

  run = () => Promise.resolve()
  insert = () => Promise.resolve()
  ping = () => Promise.resolve()
  close = () => Promise.resolve()
}

let server: HttpServer | undefined
afterEach(() => server?.close())

async function serve(options: Partial<QueryOptions> = {}) {
  const store = new HeldStore()
  const deps = { log: silentLog(), metrics: createMetrics() }
  const query = createQuery({
    ...deps,
    store,
    options: { ...defaultOptions(queryOptions), ...options },
  })
  server = await serveHttp({ ...deps, apps: [query.app], listen: '127.0.0.1:0' })
  return { store, query, url: `${server.url}/api/v1/flamegraph?query={service="a"}` }
}

async function untilStopped({ signal }: StatementOptions): Promise<void> {
  if (signal === undefined || signal.aborted) return
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}

test('a client that goes away stops its statements', async () => {
  const { store, url } = await serve()
  const client = new AbortController()
  const answer = fetch(url, { signal: client.signal })
  await store.started
  client.abort()
  await expect(answer).rejects.toThrow()
  await Promise.all(store.statements.map(untilStopped))
  expect(store.statements.every(({ signal }) => signal?.aborted)).toBe(true)
})

test('closing the room stops the questions under way', async () => {
  const { store, query, url } = await serve()
  const answer = fetch(url)
  await store.started
  query.close()
  expect(ErrorBody.parse(await (await answer).json()).error.code).toBe('query_cancelled')
})

test('every statement has the limits of the options', async () => {
  const { store, query, url } = await serve({ queryTimeout: 7, queryMemory: 100 })
  const answer = fetch(url)
  await store.started
  query.close()
  await answer
  expect(store.statements.length).toBeGreaterThan(0)
  for (const { limits } of store.statements)
    expect(limits).toEqual({ timeoutMs: 7000, memoryBytes: 100 * 1024 * 1024 })
})

test('beyond the queue the answer is 503 and says when to ask again', async () => {
  const { store, query, url } = await serve({ queryConcurrency: 1, queryQueue: 0 })
  const first = fetch(url)
  await store.started
  const second = await fetch(url)
  expect(second.status).toBe(503)
  expect(second.headers.get('Retry-After')).toBe('1')
  expect(ErrorBody.parse(await second.json()).error.code).toBe('overloaded')
  query.close()
  await first
})
