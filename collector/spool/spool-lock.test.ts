import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockSpool } from './spool-lock.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spool-lock-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

test('is free again when it was given back, and leaves nothing behind', async () => {
  const unlock = await lockSpool(directory)
  await expect(lockSpool(directory)).rejects.toThrow(/in use by process \d+/)
  await unlock()
  await (await lockSpool(directory))()
  expect(readdirSync(directory)).toEqual([])
})

test('is taken over from a process that is gone', async () => {
  const child = spawn('sleep', ['60'])
  const own = readFileSync(`/proc/${child.pid}/stat`, 'latin1')
  const ticks = own.slice(own.lastIndexOf(')') + 2).split(' ')[19]
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  writeFileSync(join(directory, 'lock'), `${child.pid} ${ticks} ${boot}`)
  await expect(lockSpool(directory)).rejects.toThrow(`in use by process ${child.pid}`)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await (await lockSpool(directory))()
})

test.each([
  ['another process has the pid now', () => `${process.pid} 1 ${boot()}`],
  ['the machine was started anew', () => `${process.pid} ${startTicks()} another-boot`],
  ['the lock is damaged', () => ''],
  ['the lock is no lock', () => 'garbage\0'],
])('is taken over when %s', async (_, content) => {
  writeFileSync(join(directory, 'lock'), content())
  await (await lockSpool(directory))()
})

test('is given to one of many that find the same stale lock', async () => {
  writeFileSync(join(directory, 'lock'), '1 1 another-boot')
  const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => lockSpool(directory)))
  const won = attempts.filter(({ status }) => status === 'fulfilled')
  expect(won).toHaveLength(1)
})

function boot(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

function startTicks(): string | undefined {
  const stat = readFileSync('/proc/self/stat', 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}
