import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { HttpServer } from '../../infra/runtime/http.ts'
import { serveHttp } from '../../infra/runtime/http.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { createMetrics } from '../../infra/runtime/metrics.ts'
import { RegressionsAnswer } from '../../query/api.ts'
import { parseUrl } from '../../ui/url-state.ts'
import { createTestQuery, openTestStore } from '../fixtures/query-app.ts'
import { fleetProfiles } from '../fixtures/stored-fleet.ts'
import { storeProfiles } from '../fixtures/stored-profiles.ts'
import { Fleet, USUAL } from '../simulator/fleet.ts'

// `flamewatch regressions` as a pipeline runs it.

const NOW = Date.UTC(2026, 2, 14, 12)
const MAIN = join(import.meta.dirname, '../../infra/cli/main.ts')
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

let store: Awaited<ReturnType<typeof openTestStore>>
let server: HttpServer

/** Twelve hosts a version, in the last hour. */
async function deploy(service: string, version: string, first: number, delta = 0): Promise<void> {
  const shape = { hosts: 24, functions: 40, exponent: 1.1, noise: { ...USUAL, outliers: 0 } }
  const fleet = new Fleet({ ...shape, shares: new Map([[20, 0.01]]) }, 17)
  const hosts = range(first, first + 12)
  for (const block of range(72, 78)) {
    const window = { hosts, from: block, blocks: 1, samples: 5000 }
    const counts = fleet.sample(delta === 0 ? window : { ...window, change: { fn: 20, delta } })
    const timeMs = NOW - (78 - block) * 600_000
    await storeProfiles(store, fleetProfiles(counts, { service, version, timeMs }))
  }
}

beforeAll(async () => {
  store = await openTestStore()
  for (const service of ['slower', 'same']) await deploy(service, 'v1', 0)
  await deploy('slower', 'v2', 12, 0.02)
  await deploy('same', 'v2', 12)
  await deploy('<b>&"x"|`', 'v1', 0)
  await deploy('<b>&"x"|`', 'v2', 12, 0.02)
  const { app } = createTestQuery(store, { nowMs: NOW })
  server = await serveHttp({
    ...{ apps: [app], listen: '127.0.0.1:0', tokens: [] },
    ...{ log: silentLog(), metrics: createMetrics() },
  })
})
afterAll(async () => {
  await server.close()
  await store[Symbol.asyncDispose]()
})

type Result = { readonly code: number; readonly stdout: string; readonly stderr: string }

function ask(...args: readonly string[]): Promise<Result> {
  const env = { ...process.env, FLAMEWATCH_SERVER: server.url }
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, 'regressions', ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    )
  })
}

describe('flamewatch regressions', () => {
  test('ends with 1 and names what got slower, how much and how sure', async () => {
    const { code, stdout } = await ask('--service', 'slower')
    expect(code).toBe(1)
    expect(stdout).toContain('slower  v1 -> v2')
    expect(stdout).toMatch(/^REGRESSION {2}fn20 takes [\d.]+ % more/m)
    expect(stdout).toMatch(
      /^\s*[\d.]+ %\s+[\d.]+ %\s+\+[\d.]+ %\s+\+[\d.]+ % to \+[\d.]+ %\s+\d+ %\s+[\d.]+\s+fn20/m,
    )
  })

  test('ends with 0 where nothing did, and with 3 where it cannot be told', async () => {
    const [same, unsure, pass, fail] = await Promise.all([
      ask('--service', 'same'),
      ask('--service', 'same', '--min-hosts', '50'),
      ask('--service', 'same', '--min-hosts', '50', '--inconclusive', 'pass'),
      ask('--service', 'same', '--min-hosts', '50', '--inconclusive', 'fail'),
    ])
    expect(same.stdout).toMatch(/^OK /m)
    expect(unsure.stdout).toMatch(/^INCONCLUSIVE .*effective hosts/m)
    expect([same, unsure, pass, fail].map(({ code }) => code)).toEqual([0, 3, 0, 1])
  })

  test('takes what is too much as a percentage or a share', async () => {
    const codes = await Promise.all(
      ['10%', '0.1', '1%', '0.01'].map((share) => ask('--service', 'slower', '--fail-on', share)),
    )
    expect(codes.map(({ code }) => code)).toEqual([0, 0, 1, 1])
  })

  test('ends with 2 and the remedy where it could not be asked', async () => {
    const [absent, usage, refused] = await Promise.all([
      ask('--service', 'absent'),
      ask('--service', 'slower', '--fail-on', 'much'),
      ask('--service', 'slower', '--server', 'http://127.0.0.1:1'),
    ])
    expect([absent, usage, refused].map(({ code }) => code)).toEqual([2, 2, 2])
    expect(absent.stderr).toContain('two versions')
    expect(usage.stderr).toContain('0.5%')
    expect(refused.stderr).toContain('does not answer')
  })

  test('prints the answer of the API as JSON, with a page that exists', async () => {
    const { stdout } = await ask('--service', 'slower', '--format', 'json')
    const answer = RegressionsAnswer.parse(JSON.parse(stdout))
    const [row] = answer.regressions
    const url = new URL(row?.page as string, server.url)
    expect(parseUrl(url.pathname, url.search)).toMatchObject({
      page: 'diff',
      service: 'slower',
      a: { version: 'v1' },
      b: { version: 'v2' },
      panes: 'sandwich',
      fn: row?.function.id,
    })
  })

  test('prints reports that CI systems read', async () => {
    const [junit, sarif, markdown, skipped] = await Promise.all([
      ask('--service', 'slower', '--format', 'junit'),
      ask('--service', 'slower', '--format', 'sarif'),
      ask('--service', 'slower', '--format', 'markdown'),
      ask('--service', 'same', '--format', 'junit', '--min-hosts', '50'),
    ])
    expect(junit.stdout).toContain(
      '<testsuite name="slower v1 -&gt; v2" tests="1" failures="1" skipped="0">',
    )
    expect(junit.stdout).toContain('<failure message="fn20 takes')
    expect(skipped.stdout).toContain('failures="0" skipped="1"')
    const log = JSON.parse(sarif.stdout)
    expect(log.version).toBe('2.1.0')
    expect(log.runs[0].results).toHaveLength(1)
    expect(log.runs[0].results[0]).toMatchObject({ ruleId: 'regression', level: 'error' })
    expect(markdown.stdout).toMatch(/^### REGRESSION: slower v1 → v2$/m)
    expect(markdown.stdout).toMatch(/^\| \[`fn20`\]\(http:\S+\) \|/m)
  })

  test('lets no name become markup', async () => {
    const service = '<b>&"x"|`'
    const [junit, markdown] = await Promise.all([
      ask('--service', service, '--format', 'junit'),
      ask('--service', service, '--format', 'markdown'),
    ])
    expect(junit.stdout).not.toContain('<b>')
    expect(junit.stdout).toContain('&lt;b&gt;&amp;&quot;x&quot;|`')
    expect(markdown.stdout).toContain('\\<b\\>&"x"\\|\\`')
  })
})
