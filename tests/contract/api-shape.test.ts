import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { z } from 'zod'
import { silentLog } from '../../infra/runtime/log.ts'
import { createMetrics } from '../../infra/runtime/metrics.ts'
import { createSite } from '../../infra/runtime/site.ts'
import {
  AccountAnswer,
  AuditAnswer,
  CollectorsAnswer,
  ComparedFunctionsAnswer,
  DeploysAnswer,
  DiffAnswer,
  ErrorBody,
  FlamegraphAnswer,
  FunctionsAnswer,
  HistoryAnswer,
  HostsAnswer,
  LabelsAnswer,
  LabelValuesAnswer,
  NeighboursAnswer,
  RegressionsAnswer,
  SeriesAnswer,
  ServicesAnswer,
  TypesAnswer,
} from '../../query/api.ts'
import type { Parameters, TestQuery } from '../fixtures/query-app.ts'
import { createTestQuery, openTestStore } from '../fixtures/query-app.ts'
import { stacksFromFolded, storeProfiles } from '../fixtures/stored-profiles.ts'

// The OpenAPI document against what the routes do: every route is in it, every parameter too, and
// every answer is what its schema says, no more and no less.

const NOON = Date.UTC(2026, 10, 20, 12)

const CASES: [path: string, schema: z.ZodType, parameters: Parameters][] = [
  ['/api/v1/services', ServicesAnswer, {}],
  ['/api/v1/types', TypesAnswer, {}],
  ['/api/v1/labels', LabelsAnswer, {}],
  ['/api/v1/labels/{name}/values', LabelValuesAnswer, {}],
  ['/api/v1/series', SeriesAnswer, { by: 'host', limit: 1 }],
  ['/api/v1/flamegraph', FlamegraphAnswer, { max_nodes: 3 }],
  ['/api/v1/diff', DiffAnswer, { a: '{version="v1"}', b: '{version="v2"}', max_nodes: 3 }],
  ['/api/v1/functions', FunctionsAnswer, { sort: 'cum' }],
  ['/api/v1/functions', ComparedFunctionsAnswer, { a: '{version="v1"}', b: '{version="v2"}' }],
  ['/api/v1/functions/neighbours', NeighboursAnswer, { function: 'main' }],
  ['/api/v1/functions/history', HistoryAnswer, { function: 'main', by: 'version' }],
  ['/api/v1/hosts', HostsAnswer, {}],
  ['/api/v1/collectors', CollectorsAnswer, {}],
  ['/api/v1/account', AccountAnswer, {}],
  ['/api/v1/audit', AuditAnswer, {}],
  ['/api/v1/deploys', DeploysAnswer, {}],
  ['/api/v1/regressions', RegressionsAnswer, { service: 'shop' }],
]

const Document = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        summary: z.string().min(10),
        parameters: z
          .array(
            z.object({
              name: z.string(),
              in: z.enum(['query', 'path']),
              required: z.boolean().optional(),
              schema: z.record(z.string(), z.unknown()),
            }),
          )
          .optional(),
        responses: z.record(z.string(), z.object({ description: z.string() })),
      }),
    ),
  ),
})

let store: Awaited<ReturnType<typeof openTestStore>>
let query: TestQuery
let document: z.infer<typeof Document>

beforeAll(async () => {
  store = await openTestStore()
  await storeProfiles(
    store,
    ['v1', 'v2'].map((version, i) => ({
      ...{ service: 'shop', version, host: `host-${i}`, timeMs: NOON },
      stacks: stacksFromFolded('main;a;x 1000\nmain;b;y 20\nmain;c 1'),
    })),
  )
  query = createTestQuery(store, {
    nowMs: NOON + 60_000,
    local: () => ({ state: 'failed', message: 'It may not sample.', hint: 'Run it as root.' }),
  })
  const site = createSite({ apps: [query.app], log: silentLog(), metrics: createMetrics() })
  document = Document.parse(await (await site.request('/api/v1/openapi.json')).json())
})
afterAll(() => store[Symbol.asyncDispose]())

test('every route is documented, and nothing else is', () => {
  const routes = query.app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(new Set(documented)).toEqual(new Set(routes))
  const tried = [...CASES.map(([path]) => `GET ${path}`), 'POST /api/v1/deploys']
  expect(new Set(tried)).toEqual(new Set(documented))
})

test('no parameter is nullable, and only a function and a judged service must be named', () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const { name, in: place, required, schema } of methods['get']?.parameters ?? []) {
      expect(JSON.stringify(schema), `${path} ${name}`).not.toContain('null')
      const isJudged = path === '/api/v1/regressions' && name === 'service'
      const needed = place === 'path' || name === 'function' || isJudged
      expect(required ?? false, `${path} ${name}`).toBe(needed)
    }
  }
})

describe.each(CASES)('%s', (path, schema, parameters) => {
  const url = path.replace('/api/v1/', '').replace('{name}', 'version')

  it('answers what its schema says, no more and no less', async () => {
    const answer = await query.get(url, parameters)
    const body: unknown = await answer.json()
    expect(answer.status).toBe(200)
    // Parsing drops what the schema does not know.
    expect(schema.parse(body)).toEqual(body)
  })

  it('knows only documented parameters', () => {
    const known = document.paths[path]?.['get']?.parameters?.map(({ name }) => name)
    for (const name of Object.keys(parameters)) expect(known).toContain(name)
  })

  it('answers 400 in the common shape to a parameter that is none', async () => {
    // A time where the route takes times, else how many rows.
    const wrong = { from: 'yesterday', a_from: 'yesterday', limit: 'many' }
    const answer = await query.get(url, { ...parameters, ...wrong })
    expect(answer.status).toBe(400)
    const body: unknown = await answer.json()
    expect(ErrorBody.parse(body)).toEqual(body)
    expect(ErrorBody.parse(body).error).toMatchObject({ code: 'malformed' })
  })
})

test.each<[string, Parameters, number, string]>([
  ['flamegraph', { query: '{a=}' }, 400, 'malformed'],
  ['flamegraph', { query: '{a=~"("}' }, 400, 'malformed'],
  ['flamegraph', { query: '{a=~"a)|(b"}' }, 400, 'malformed'],
  ['flamegraph', { query: '{a=~"[z-a]"}' }, 400, 'malformed'],
  ['flamegraph', { query: '{a=~"(?=x)"}' }, 400, 'malformed'],
  ['flamegraph', { type: 'cpu' }, 400, 'malformed'],
  ['flamegraph', { format: 'pdf' }, 400, 'malformed'],
  ['flamegraph', { max_nodes: 0 }, 400, 'malformed'],
  ['flamegraph', { max_nodes: 'many' }, 400, 'malformed'],
  ['flamegraph', { max_nodes: '' }, 400, 'malformed'],
  ['flamegraph', { from: 'now-1000d' }, 400, 'out_of_range'],
  ['diff', { normalize: 'request' }, 400, 'malformed'],
  ['series', { step: '0s' }, 400, 'malformed'],
  ['series', { step: '1s', from: 'now-30d' }, 400, 'out_of_range'],
  ['series', { by: "host'" }, 400, 'malformed'],
  ['labels/a-b/values', {}, 400, 'malformed'],
  ['functions/neighbours', {}, 400, 'malformed'],
  ['functions/neighbours', { function: 'nobody' }, 404, 'not_found'],
])('%s with %j answers %i %s', async (path, parameters, status, code) => {
  const answer = await query.get(path, parameters)
  const body: unknown = await answer.json()
  expect([answer.status, ErrorBody.parse(body).error.code]).toEqual([status, code])
})
