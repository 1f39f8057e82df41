import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import type { HttpServer } from '../../infra/runtime/http.ts'
import { serveHttp } from '../../infra/runtime/http.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { createMetrics } from '../../infra/runtime/metrics.ts'
import { createTestQuery, openTestStore } from '../fixtures/query-app.ts'
import { fleetProfiles } from '../fixtures/stored-fleet.ts'
import { storeProfiles } from '../fixtures/stored-profiles.ts'
import { Fleet, USUAL } from '../simulator/fleet.ts'

// What infra/docs/ci.md tells people to paste is run here as it stands there.

const ROOT = join(import.meta.dirname, '../..')
const NOW = Date.UTC(2026, 2, 14, 12)
const BLOCKS = 6
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

const [github, gitlab] = readFileSync(join(ROOT, 'infra/docs/ci.md'), 'utf8')
  .split('```yaml\n')
  .slice(1)
  .map((block) => parse(block.split('```')[0] as string) as unknown)
const GithubJob = z.object({
  jobs: z.object({ judge: z.object({ steps: z.tuple([z.object({ run: z.string() })]) }) }),
})
const GitlabJob = z.object({
  judge: z.object({
    script: z.tuple([z.string()]),
    artifacts: z.object({ reports: z.object({ junit: z.string() }) }),
  }),
})

let directory: string
let store: Awaited<ReturnType<typeof openTestStore>>
let server: HttpServer

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flamewatch-ci-'))
  const main = join(ROOT, 'infra/cli/main.ts')
  writeFileSync(
    join(directory, 'flamewatch'),
    `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`,
    { mode: 0o755 },
  )
  store = await openTestStore()
  const shape = { hosts: 24, functions: 40, exponent: 1.1, noise: { ...USUAL, outliers: 0 } }
  const fleet = new Fleet({ ...shape, shares: new Map([[20, 0.01]]) }, 17)
  const deploy = async (version: string, first: number, delta: number) => {
    for (const block of range(72, 72 + BLOCKS)) {
      const window = { hosts: range(first, first + 12), from: block, blocks: 1, samples: 5000 }
      const change = { fn: 20, delta }
      const counts = fleet.sample(delta === 0 ? window : { ...window, change })
      const timeMs = NOW - (72 + BLOCKS - block) * 600_000
      await storeProfiles(store, fleetProfiles(counts, { service: 'checkout', version, timeMs }))
    }
  }
  await deploy('v1', 0, 0)
  await deploy('v2', 12, 0.02)
  const { app } = createTestQuery(store, { nowMs: NOW })
  server = await serveHttp({
    ...{ apps: [app], listen: '127.0.0.1:0', tokens: [] },
    ...{ log: silentLog(), metrics: createMetrics() },
  })
})
afterAll(async () => {
  await server.close()
  await store[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
})

function run(script: string, environment: Readonly<Record<string, string>>): Promise<number> {
  const PATH = `${directory}:${process.env['PATH']}`
  const env = { ...process.env, PATH, FLAMEWATCH_SERVER: server.url, ...environment }
  return new Promise((resolve) => {
    execFile('/bin/sh', ['-e', '-c', script], { env, cwd: directory }, (error) =>
      resolve(typeof error?.code === 'number' ? error.code : 0),
    )
  })
}

describe('the documented step', () => {
  test('of GitHub Actions fails the job and leaves the verdict in its summary', async () => {
    const [step] = GithubJob.parse(github).jobs.judge.steps
    const summary = join(directory, 'summary.md')
    const environment = { GITHUB_REF_NAME: 'v2', GITHUB_STEP_SUMMARY: summary }
    expect(await run(step.run, environment)).toBe(1)
    expect(readFileSync(summary, 'utf8')).toMatch(/^### REGRESSION: checkout v1 → v2$/m)
  })

  test('of GitLab CI fails the job and leaves the report it names', async () => {
    const { script, artifacts } = GitlabJob.parse(gitlab).judge
    expect(await run(script[0], { CI_COMMIT_TAG: 'v2' })).toBe(1)
    const report = readFileSync(join(directory, artifacts.reports.junit), 'utf8')
    expect(report).toContain('<failure message="fn20 takes')
  })
})
