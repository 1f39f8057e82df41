import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findCgroupMounts } from '../../collector/process/cgroup-mounts.ts'
import type { RegressionsAnswer } from '../../query/api.ts'
import type { CheckoutService } from '../fixtures/checkout-service/checkout-service.ts'
import { startCheckoutService } from '../fixtures/checkout-service/checkout-service.ts'
import { eventually } from '../fixtures/eventually.ts'
import type { RunningServer } from '../fixtures/running-server.ts'
import { startServer } from '../fixtures/running-server.ts'

// Two releases of a service side by side, as a canary is: six instances each, every one a unit of its
// own. Kernel, collector, store, judgement and command line are the real ones. One machine has no six
// hosts; its units stand in for them.

const MAIN = join(import.meta.dirname, '../../infra/cli/main.ts')
const UNITS = 6
const SAMPLES = 25_000
// A request of the old release has 100,000 steps: 20,000 / 100,000 becomes 23,900 / 103,900.
const THREE_PERCENT = 3_900

let directory: string
let cgroups: string
let server: RunningServer
let instances: CheckoutService[] = []

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flamewatch-regressions-'))
  const mount = findCgroupMounts().find(({ hierarchy }) => hierarchy === 0)
  if (mount === undefined) throw new Error('cgroup2 is not mounted on this machine')
  cgroups = join(mount.directory, basename(directory))
  mkdirSync(cgroups)
  server = await startServer({
    environment: { FLAMEWATCH_WINDOW: '2s', FLAMEWATCH_FREQUENCY: '999' },
  })
  instances = [
    ...run('slower', 'v1', 0),
    ...run('slower', 'v2', THREE_PERCENT),
    ...run('same', 'v1', 0),
    ...run('same', 'v2', 0),
  ]
  for (const service of ['slower', 'same'])
    await eventually(
      `${SAMPLES} samples of ${service}`,
      async () => {
        const query = `{service="${service}"}`
        const url = `${server.url}/api/v1/functions?${new URLSearchParams({ query })}`
        const answer = await fetch(url)
        if (!answer.ok) return null
        const { side } = (await answer.json()) as { side: { samples: number | null } }
        return (side.samples ?? 0) >= 2 * SAMPLES
      },
      240_000,
    )
}, 300_000)

afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.stop()))
  await server?.[Symbol.asyncDispose]()
  for (const unit of units) rmdirSync(unit)
  rmdirSync(cgroups)
  rmSync(directory, { recursive: true, force: true })
})

const units: string[] = []

function run(service: string, version: string, parseExtra: number): CheckoutService[] {
  return Array.from({ length: UNITS }, (_, i) => {
    const cgroup = join(cgroups, `${service}-${version}-${i}.service`)
    mkdirSync(cgroup)
    units.push(cgroup)
    // Each service has a program of its own, under one name but for the version.
    const programs = join(directory, service)
    mkdirSync(programs, { recursive: true })
    return startCheckoutService({ directory: programs, service, version, parseExtra, cgroup })
  })
}

type Judgement = { readonly code: number; readonly stdout: string; readonly stderr: string }

function judge(service: string, ...args: string[]): Promise<Judgement> {
  const command = [MAIN, 'regressions', '--server', server.url, '--service', service]
  const options = ['--cluster-by', 'unit', '--fail-on', '1%', ...args]
  return new Promise((resolve) => {
    execFile(process.execPath, [...command, ...options], (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    )
  })
}

test('a release that takes 3 % more in one function is a regression, with that function', async () => {
  const { code, stdout } = await judge('slower', '--format', 'json')
  const answer = JSON.parse(stdout) as RegressionsAnswer
  expect({ code, verdict: answer.verdict, reason: answer.reason }).toMatchObject({
    code: 1,
    verdict: 'regression',
  })
  expect(answer.design).toBe('canary')
  const [row] = answer.regressions
  expect(row?.function.name).toBe('parse_json')
  expect(row?.interval[0]).toBeLessThan(0.03)
  expect(row?.interval[1]).toBeGreaterThan(0.03)
})

test('a release with the same code is none', async () => {
  const { code, stdout } = await judge('same')
  expect(stdout).not.toContain('REGRESSION')
  expect([0, 3]).toContain(code)
})
