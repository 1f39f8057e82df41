import { hostname } from 'node:os'
import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { addOptions, readOptions } from '../infra/runtime/options.ts'
import { collectorOptions } from './options.ts'

function read(...args: string[]) {
  const command = addOptions(new Command().exitOverride(), collectorOptions)
  return readOptions(command.parse(args, { from: 'user' }), collectorOptions)
}

test('has the documented defaults', () => {
  expect(read()).toEqual({
    server: new URL('http://127.0.0.1:3526'),
    host: hostname(),
    frequency: 99,
    window: 10_000,
    spoolAge: 7 * 24 * 3_600_000,
    catchUp: 10,
    spoolBytes: 256e6,
    symbolCacheBytes: 32e6,
    maxMemory: 512e6,
    maxCpu: 50,
    unwind: 'tables',
    lines: 'off',
    unwindTableBytes: 64e6,
    onlyPid: [],
    excludeComm: [],
    offCpu: false,
    offCpuThreshold: 1e6,
    event: [],
    batchBytes: 16e6,
  })
})

describe('reads durations and sizes as people write them', () => {
  test.each([
    ['1500ms', 1500],
    ['2s', 2000],
    ['5m', 300_000],
    ['30', 30_000],
  ])('--window %s', (text, ms) => {
    expect(read('--window', text).window).toBe(ms)
  })

  test.each([
    ['1048576', 1_048_576],
    ['2MB', 2e6],
    ['2MiB', 2 * 2 ** 20],
    ['1 GB', 1e9],
    ['5000kB', 5e6],
  ])('--spool-bytes %s', (text, bytes) => {
    expect(read('--spool-bytes', text).spoolBytes).toBe(bytes)
  })
})

test.each([
  ['--window', '500ms'],
  ['--window', '1h'],
  ['--window', ''],
  ['--frequency', '0'],
  ['--frequency', '10000'],
  ['--frequency', '99.5'],
  ['--spool-bytes', '1e9'],
  ['--spool-bytes', '10'],
  ['--batch-bytes', '-1'],
  ['--server', 'ftp://x'],
  ['--server', 'localhost:3526'],
  ['--host', '  '],
  ['--spool', ''],
  ['--only-cgroup', ''],
  ['--only-pid', 'nginx'],
  ['--only-pid', '1,,2'],
  ['--exclude-comm', ''],
  ['--off-cpu-threshold', '10'],
])('refuses %s %j with what it expected', (flag, text) => {
  expect(() => read(flag, text)).toThrow(
    new RegExp(`^${flag} .*expected.*got \\[?${JSON.stringify(text)}`),
  )
})

test('refuses a token that would break a header, and does not print it', () => {
  expect(() => read('--token', 'a b\r\nx: y')).toThrow(/^--token .*got \(secret\)$/)
})

test('makes a label of the host name', () => {
  expect(read('--host', 'web\u00071 ').host).toBe('web?1')
})

test('reads lists with commas, as flag or variable', () => {
  expect(read('--only-pid', '1,42', '--only-pid', '7').onlyPid).toEqual([1, 42, 7])
  expect(read('--exclude-comm', 'node, MainThread').excludeComm).toEqual(['node', 'MainThread'])
})

test.each([
  ['500us', 500_000],
  ['0ns', 0],
  ['2s', 2e9],
])('--off-cpu-threshold %s', (text, ns) => {
  expect(read('--off-cpu-threshold', text).offCpuThreshold).toBe(ns)
})
