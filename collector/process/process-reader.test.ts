import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ProcessReader, parseStat } from './process-reader.ts'

const ID = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'

const NAMES = {
  ...{ pod: null, namespace: null, image: null, imageVersion: null },
  podLabels: {},
}

describe('a recorded /proc', () => {
  let proc: string

  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), 'process-reader-'))
  })

  afterEach(() => rmSync(proc, { recursive: true }))

  function record(pid: number, files: Record<string, string>, links: Record<string, string>): void {
    mkdirSync(join(proc, String(pid)))
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(proc, String(pid), name), text)
    for (const [name, target] of Object.entries(links))
      symlinkSync(target, join(proc, String(pid), name))
  }

  function reader(paths: Record<string, string> = {}): ProcessReader {
    return new ProcessReader({
      proc,
      cgroupPath: (id) => paths[String(id)] ?? null,
      containerNames: ({ containerId }) =>
        containerId === null ? null : { ...NAMES, name: `name of ${containerId.slice(0, 4)}` },
    })
  }

  test('says everything about a Python service in a container', () => {
    const root = join(proc, 'container')
    mkdirSync(join(root, 'srv/app'), { recursive: true })
    mkdirSync(join(root, 'usr/bin'), { recursive: true })
    writeFileSync(join(root, 'srv/app/server.py'), 'print(1)')
    writeFileSync(join(root, 'usr/bin/python3.11'), 'not an ELF file')
    record(
      10,
      {
        comm: 'MainThread\n',
        cmdline: 'python3\0-u\0server.py\0--port\x0080\0',
        environ:
          'SECRET=x\0OTEL_SERVICE_NAME=checkout\0OTEL_RESOURCE_ATTRIBUTES=service.version=7\0',
        cgroup: `0::/docker/${ID}\n`,
      },
      { exe: join(root, 'usr/bin/python3.11'), cwd: join(root, 'srv/app'), root },
    )
    expect(reader().read(10, 1n)).toEqual({
      comm: 'MainThread',
      executable: 'python3.11',
      argv0: 'python3',
      workingDirectory: '/srv/app',
      entry: { kind: 'script', path: 'server.py' },
      otel: { service: 'checkout', version: '7' },
      cgroup: { containerId: ID, podUid: null, unit: null },
      container: expect.objectContaining({ name: 'name of 9f86' }),
      executableVersion: expect.stringMatching(/^[0-9a-f]{12}$/),
      entryVersion: createHash('sha256').update('8\0print(1)').digest('hex').slice(0, 12),
    })
  })

  test('finds a module in the working directory', () => {
    const root = join(proc, 'root')
    mkdirSync(join(root, 'srv/shop'), { recursive: true })
    writeFileSync(join(root, 'srv/shop/__main__.py'), 'run()')
    record(
      11,
      { comm: 'python3\n', cmdline: 'python3\0-m\0shop\0' },
      { exe: '/usr/bin/python3.11', cwd: '/srv', root },
    )
    expect(reader().read(11, 1n)?.entryVersion).toMatch(/^[0-9a-f]{12}$/)
  })

  test('says what it can about a process whose files it may not read', () => {
    record(12, { comm: 'sshd\n' }, {})
    expect(reader().read(12, 1n)).toMatchObject({
      comm: 'sshd',
      executable: null,
      entry: null,
      otel: { service: null, version: null },
      executableVersion: null,
    })
  })

  test('asks the cgroup tree where the process tells nothing', () => {
    record(13, { comm: 'x\n', cgroup: '0::/\n' }, {})
    const paths = { 4242: '/system.slice/nginx.service' }
    expect(reader(paths).read(13, 4242n)?.cgroup.unit).toBe('nginx.service')
    expect(reader(paths).read(13, 1n)?.cgroup.unit).toBeNull()
    expect(reader(paths).cgroup(4242n).unit).toBe('nginx.service')
  })

  test('answers null for a process that is gone', () => {
    expect(reader().read(99, 1n)).toBeNull()
    expect(reader().identify(99)).toBeNull()
  })

  test('strips the mark of an executable that was replaced by a deploy', () => {
    record(14, { comm: 'nginx\n' }, { exe: '/usr/sbin/nginx (deleted)' })
    expect(reader().read(14, 1n)?.executable).toBe('nginx')
  })
})

test('reads start and name from a stat whose name holds parentheses and spaces', () => {
  const fields = Array.from({ length: 50 }, (_, i) => String(i + 3)) // field n says n
  expect(parseStat(`7 (a) b (c)) ${fields.join(' ')}`)).toEqual({
    startTicks: 22,
    image: '26:28:48',
    comm: 'a) b (c)',
  })
  expect(parseStat('7 (x) R 1')).toBeNull()
})

test('sees that a real process executed another program', async () => {
  const child = spawn('/bin/sh', ['-c', 'read go; exec cat'], { stdio: ['pipe', 'pipe', 'ignore'] })
  const reader = new ProcessReader({ cgroupPath: () => null, containerNames: () => null })
  const pid = child.pid as number
  const shell = reader.identify(pid)
  child.stdin.write('go\nhello\n')
  await once(child.stdout, 'data')
  const cat = reader.identify(pid)
  expect(cat?.startTicks).toBe(shell?.startTicks)
  expect(cat?.image).not.toBe(shell?.image)
  expect(cat?.comm).toBe('cat')
  expect(reader.read(pid, 1n)).toMatchObject({
    executable: 'cat',
    argv0: 'cat',
    executableVersion: expect.stringMatching(/^[0-9a-f]{12}$/),
  })
  child.stdin.end()
  await once(child, 'close')
  expect(reader.identify(pid)).toBeNull()
})
