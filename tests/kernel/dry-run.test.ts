import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { release } from 'node:os'
import { fileURLToPath } from 'node:url'
import { beforeEach, expect, test } from 'vitest'
import type { HostReport } from '../../collector/host-report.ts'
import { requireRoot } from './programs.ts'

const LAUNCHER = fileURLToPath(new URL('../../infra/cli/flamewatch.sh', import.meta.url))

beforeEach(requireRoot)

type Answer = { readonly code: number; readonly stdout: string }

function dryRun(args: readonly string[], prefix: readonly string[] = []): Promise<Answer> {
  const [command = '', ...rest] = [...prefix, 'sh', LAUNCHER, 'collect', '--dry-run', ...args]
  return new Promise((resolve) => {
    const child = execFile(command, rest, (_, stdout) =>
      resolve({ code: child.exitCode ?? -1, stdout }),
    )
  })
}

const withRights = (...names: string[]) => [
  ...['setpriv', '--inh-caps=-all'],
  `--bounding-set=${['-all', ...names.map((name) => `+${name}`)].join()}`,
]

test('a host that can be sampled is described, as JSON too, and nothing is left behind', async () => {
  const pinned = readdirSync('/sys/fs/bpf')
  const { code, stdout } = await dryRun(['--format', 'json', '--host', 'h', '--frequency', '49'])
  expect(code).toBe(0)
  const report = JSON.parse(stdout) as HostReport
  expect(report).toMatchObject({
    host: { name: 'h', kernel: release() },
    sampling: { possible: true, frequencyHz: 49 },
    grant: null,
  })
  expect(report.rights.every(({ held }) => held)).toBe(true)
  expect(report.memory.mapBytes).toBeGreaterThan(1e6)
  expect(readdirSync('/sys/fs/bpf')).toEqual(pinned)
})

test('a host that cannot be sampled says why, what is missing and what to type', async () => {
  const { code, stdout } = await dryRun([], withRights())
  expect(code).toBe(2)
  expect(stdout).toContain('not possible (not_privileged)')
  expect(stdout).toMatch(/CAP_BPF +missing: nothing can be sampled/)
  expect(stdout).toContain('Type: sudo setpriv')
})

test('a host that can be sampled in part says what is lost', async () => {
  const { code, stdout } = await dryRun(
    ['--unwind', 'frame-pointers'],
    withRights('bpf', 'perfmon'),
  )
  expect(code).toBe(0)
  expect(stdout).toMatch(/user stacks +by frame pointers/)
  expect(stdout).toMatch(/CAP_BPF +held/)
  expect(stdout).toMatch(/CAP_SYS_PTRACE +missing: processes of other users/)
})
