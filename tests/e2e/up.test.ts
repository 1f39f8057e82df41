import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import type { AccountAnswer, CollectorsAnswer, ServicesAnswer } from '../../query/api.ts'
import { eventually } from '../fixtures/eventually.ts'
import { profileFromFolded } from '../fixtures/profile-from-text.ts'
import { type RunningServer, startServer } from '../fixtures/running-server.ts'
import { requireRoot } from '../kernel/programs.ts'

// `flamewatch up` and the collector it keeps.

const ROOT = join(import.meta.dirname, '../..')

beforeEach(requireRoot)

async function ask<T>(server: RunningServer, path: string): Promise<T> {
  const answer = await fetch(`${server.url}/api/v1/${path}`)
  expect(answer.status).toBe(200)
  return answer.json() as Promise<T>
}

function collector(server: RunningServer): Promise<CollectorsAnswer['local']> {
  return ask<CollectorsAnswer>(server, 'collectors').then(({ local }) => local)
}

function waitUntilSampling(server: RunningServer): Promise<true> {
  return eventually(
    'the collector samples',
    async () => (await collector(server))?.state === 'sampling',
  )
}

/** The process `up` has started. */
function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0])
}

/** Uses a processor for some thirty ticks of its clock: an idle machine may have none of them. */
function beSampled(): void {
  const { user } = process.cpuUsage()
  while (process.cpuUsage().user - user < 300_000);
}

describe('flamewatch up', () => {
  it('delivers the window that was open when it was stopped, and accounts for every sample', async () => {
    const first = await startServer({ options: ['--window', '300s'] })
    await waitUntilSampling(first)
    beSampled()
    expect(await first.stop()).toBe(0)

    await using second = await startServer({ data: first.data, options: ['--no-collect'] })
    const { total, collectors } = await ask<AccountAnswer>(second, 'account')
    expect(collectors).toHaveLength(1)
    expect(total.taken).toBeGreaterThan(0)
    expect(total.unaccounted).toBe(0)
    expect(await collector(second)).toBeNull()
  })

  it('starts its collector again when that was killed, and says so', async () => {
    await using server = await startServer()
    await waitUntilSampling(server)
    const killed = childOf(server.pid)
    process.kill(killed, 'SIGKILL')
    const stopped = await eventually('the end is noticed', async () => {
      const local = await collector(server)
      return local?.state === 'stopped' && local
    })
    expect(stopped.message).toBe('The collector was ended by SIGKILL; it starts again in 1 s.')
    await waitUntilSampling(server)
    expect(childOf(server.pid)).not.toBe(killed)
  })

  it("shows its collector's metrics beside its own, each under one name", async () => {
    await using server = await startServer()
    await waitUntilSampling(server)
    const text = await eventually('metrics of the collector', async () => {
      const answer = await (await fetch(`${server.url}/metrics`)).text()
      return answer.includes('\nflamewatch_samples_taken_total ') && answer
    })
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
    expect(names).toContain('flamewatch_http_request_seconds')
    expect(new Set(names).size).toBe(names.length)
  })

  it('ends its collector when it is killed itself', async () => {
    await using server = await startServer()
    await waitUntilSampling(server)
    const orphan = childOf(server.pid)
    await server.kill()
    await eventually('the collector ends', async () => !isRunning(orphan))
  })

  it('started by npm, ends when npm is told to', async () => {
    const data = mkdtempSync(join(tmpdir(), 'flamewatch-npm-'))
    const options = ['--no-collect', '--listen', '127.0.0.1:0', '--data', data]
    const npm = spawn('npm', ['start', '--', ...options], { cwd: ROOT, stdio: 'pipe' })
    try {
      let printed = ''
      for await (const text of npm.stdout.setEncoding('utf8')) {
        printed += text
        if (/http:\S+\n/.test(printed)) break
      }
      const [url = ''] = /http:\S+/.exec(printed) ?? []
      npm.kill('SIGTERM')
      await once(npm, 'exit')
      await eventually(
        'the server ends',
        () => fetch(`${url}/healthz`).then(isFalse, isTrue),
        10_000,
      )
    } finally {
      rmSync(data, { recursive: true })
    }
  })

  it('says in one line why this machine is not sampled, and serves what is pushed', async () => {
    await using server = await startServer({
      through: ['setpriv', '--inh-caps=-all', '--bounding-set=-all'],
    })
    const failed = await eventually('the collector gives up', async () => {
      const local = await collector(server)
      return local?.state === 'failed' && local
    })
    expect(failed.message).toContain('CAP_BPF and CAP_PERFMON missing')
    expect(failed.hint).toContain('Run as root')
    expect(server.stderr()).toBe(
      `flamewatch: this machine is not sampled: ${failed.message} ${failed.hint}\n`,
    )

    const pushed = await fetch(`${server.url}/api/v1/profiles?service=pushed`, {
      method: 'POST',
      body: new Uint8Array(profileFromFolded('main;work 10', { timeMs: Date.now() - 60_000 })),
    })
    expect(pushed.status).toBe(200)
    const { services } = await ask<ServicesAnswer>(server, 'services')
    expect(services.map(({ service }) => service)).toEqual(['pushed'])
  })
})

const isTrue = () => true
const isFalse = () => false

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
