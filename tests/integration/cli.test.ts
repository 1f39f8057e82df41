import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../../infra/cli/commands.ts'
import type { OptionTable } from '../../infra/runtime/options.ts'
import { startServer } from '../fixtures/running-server.ts'

const ROOT = join(import.meta.dirname, '../..')
const LAUNCHER = join(ROOT, 'infra/cli/flamewatch.sh')
let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'flamewatch-cli-'))
})

afterAll(() => rmSync(directory, { recursive: true }))

type Ended = { readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }

function flamewatch(args: readonly string[], launcher = LAUNCHER): Ended {
  const { status, stdout, stderr } = spawnSync('sh', [launcher, ...args], {
    encoding: 'utf8',
    // A terminal of another width must not change what is printed.
    env: { ...process.env, COLUMNS: '40', NO_COLOR: '' },
  })
  return { exitCode: status, stdout, stderr }
}

describe('the command line', () => {
  it('lists every command on stdout when asked for help', () => {
    const { exitCode, stdout, stderr } = flamewatch(['--help'])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    for (const [name, { summary }] of Object.entries(COMMANDS))
      expect(stdout).toMatch(new RegExp(`^  ${name}.*${summary.slice(0, 20)}`, 'm'))
  })

  it.each(Object.keys(COMMANDS))('explains %s, with the variable of every option', async (name) => {
    const { exitCode, stdout } = flamewatch([name, '--help'])
    expect(exitCode).toBe(0)
    const options: OptionTable = (await COMMANDS[name]?.load())?.options ?? {}
    for (const { flag } of Object.values(options)) expect(stdout).toContain(flag)
    expect(stdout.match(/env:\s+FLAMEWATCH_/g)?.length).toBe(Object.keys(options).length + 1)
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
  })

  it('ends with 2 and the usage on stderr when no command is given', () => {
    const { exitCode, stdout, stderr } = flamewatch([])
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toContain('Usage: flamewatch')
  })

  it.each([
    [['upp'], "flamewatch: unknown command 'upp'"],
    [['up', '--colour'], "flamewatch: unknown option '--colour'"],
    [['serve', 'extra'], 'flamewatch: too many arguments'],
    [['push'], "flamewatch: missing required argument 'file'"],
  ])('ends with 2 and one line for %j', (args, line) => {
    const { exitCode, stdout, stderr } = flamewatch(args)
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toContain(line)
    expect(stderr.trim().split('\n').at(-1)).toMatch(/^ {2}Type: flamewatch .*--help$/)
  })

  it('names every wrong option at once, with its variable and what it got', () => {
    const { exitCode, stderr } = flamewatch(['up', '--frequency', 'fast', '--raw-days', '-1'])
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/^flamewatch: --frequency \(FLAMEWATCH_FREQUENCY\): .*got "fast"$/m)
    expect(stderr).toMatch(/^flamewatch: --raw-days \(FLAMEWATCH_RAW_DAYS\): .*got "-1"$/m)
  })

  it('says what went wrong in one line and what to do in the next', () => {
    const { exitCode, stderr } = flamewatch(['up', '--listen', '0.0.0.0:0', '--data', directory])
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(
      /^flamewatch: Listening on 0\.0\.0\.0:0 without tokens .*\n {2}Set tokens .*\n$/,
    )
  })

  it('is found through a link, as npm makes one', () => {
    mkdirSync(join(directory, 'bin'))
    const link = join(directory, 'bin/flamewatch')
    symlinkSync(LAUNCHER, link)
    expect(flamewatch(['--help'], link).exitCode).toBe(0)
  })
})

describe('a running server', () => {
  it('names the other process when its directory is in use, and ends cleanly', async () => {
    await using server = await startServer({ options: ['--no-collect'] })
    const second = flamewatch([
      'up',
      '--no-collect',
      '--listen',
      '127.0.0.1:0',
      '--data',
      server.data,
    ])
    expect(second.exitCode).toBe(2)
    expect(second.stderr).toContain('flamewatch: ')
    expect(second.stderr).toContain(server.data)
    expect(await server.stop()).toBe(0)
    expect(server.stderr()).toBe('')
  })

  it('takes the two signals that one Ctrl-C under npm makes for one', async () => {
    await using server = await startServer({ options: ['--no-collect'] })
    process.kill(server.pid, 'SIGINT')
    expect(await server.stop()).toBe(0)
  })

  it.each(['serve', 'ingest'])('%s runs alone', async (command) => {
    await using server = await startServer({ command })
    const { status } = await fetch(`${server.url}/readyz`)
    expect(status).toBe(200)
    const batches = await fetch(`${server.url}/api/v1/batches`, { method: 'POST' })
    expect(batches.status).toBe(command === 'ingest' ? 400 : 404)
    const services = await fetch(`${server.url}/api/v1/services`)
    expect(services.status).toBe(command === 'serve' ? 200 : 404)
  })
})
