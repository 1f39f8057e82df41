import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { HttpServer } from '../../infra/runtime/http.ts'
import { serveHttp } from '../../infra/runtime/http.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { createMetrics } from '../../infra/runtime/metrics.ts'
import { ComparedFunctionsAnswer } from '../../query/api.ts'
import { createTestQuery, openTestStore } from '../fixtures/query-app.ts'
import { stacksFromFolded, storeProfiles } from '../fixtures/stored-profiles.ts'

// `flamewatch diff` as it is typed, against a server that wants a token.

const NOON = Date.UTC(2026, 10, 20, 12)
const MAIN = join(import.meta.dirname, '../../infra/cli/main.ts')

let store: Awaited<ReturnType<typeof openTestStore>>
let server: HttpServer

beforeAll(async () => {
  store = await openTestStore()
  await storeProfiles(
    store,
    [10, 30].map((render, i) => ({
      ...{ service: 'shop', version: `v${i + 1}`, host: 'host-a', timeMs: NOON },
      stacks: stacksFromFolded(`main;parse 30000000\nmain;render ${render}000000`),
    })),
  )
  const { app } = createTestQuery(store, { nowMs: NOON + 60_000 })
  server = await serveHttp({
    ...{ apps: [app], listen: '127.0.0.1:0', tokens: ['secret'] },
    ...{ log: silentLog(), metrics: createMetrics() },
  })
})
afterAll(async () => {
  await server.close()
  await store[Symbol.asyncDispose]()
})

type Result = { readonly code: number; readonly stdout: string; readonly stderr: string }

function diff(args: readonly string[], token = 'secret'): Promise<Result> {
  const env = { ...process.env, FLAMEWATCH_SERVER: server.url, FLAMEWATCH_TOKEN: token }
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, 'diff', ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    )
  })
}

const SIDES = ['{version="v1"}', '{version="v2"}']

test('prints the compared table, JSON, or folded stacks', async () => {
  const [table, json, folded] = await Promise.all([
    diff(SIDES),
    diff([...SIDES, '--format', 'json']),
    diff([...SIDES, '--format', 'folded']),
  ])
  expect(table).toMatchObject({ code: 0, stderr: '' })
  expect(table.stdout).toMatch(/^25\.0\s+50\.0\s+\+25\.0\s+2\.00x\s+render$/m)
  const answer = ComparedFunctionsAnswer.parse(JSON.parse(json.stdout))
  expect(answer.rows[0]?.function.name).toBe('render')
  expect(folded.stdout).toBe('main;parse 30000000 30000000\nmain;render 10000000 30000000\n')
})

test('ends with 2 and the words of whoever refused', async () => {
  const [selector, token, usage, unreachable] = await Promise.all([
    diff(['{version=}', '{}']),
    diff(SIDES, 'wrong'),
    diff(['{}']),
    diff([...SIDES, '--server', 'http://127.0.0.1:1']),
  ])
  expect(selector).toMatchObject({ code: 2, stdout: '' })
  expect(selector.stderr).toContain('Expected a quoted value at position 9')
  expect(token).toMatchObject({ code: 2, stdout: '' })
  expect(token.stderr).toContain('token')
  expect(usage.code).toBe(2)
  expect(unreachable).toMatchObject({ code: 2, stdout: '' })
  expect(unreachable.stderr).toContain('http://127.0.0.1:1 does not answer')
  expect(unreachable.stderr).toContain('flamewatch up')
})
