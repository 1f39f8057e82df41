import fs from 'node:fs'
import { expect, test } from 'vitest'
import { type Limits, runLimited } from './run-limited.ts'

const LIMITS: Limits = {
  timeoutMs: 60_000,
  cpuSeconds: 20,
  memoryBytes: 2 ** 30,
  outputBytes: 1 << 20,
}

async function run(script: string, limits: Partial<Limits> = {}, input = '') {
  const fd = fs.openSync(import.meta.filename, 'r')
  try {
    return await runLimited(['/bin/sh', '-c', script], input, fd, { ...LIMITS, ...limits })
  } finally {
    fs.closeSync(fd)
  }
}

test('a program reads its input and the file, and its output is the answer', async () => {
  const result = await run('cat; head -c 6 <&3', {}, 'one\n')
  expect(result).toEqual({ kind: 'output', text: 'one\nimport' })
})

test('it sees nothing of the environment, and leaves the processors to others', async () => {
  process.env['DEBUGINFOD_URLS'] = 'http://127.0.0.1:1'
  const result = await run('echo "$DEBUGINFOD_URLS"; nice')
  delete process.env['DEBUGINFOD_URLS']
  expect(result).toEqual({ kind: 'output', text: '\n19\n' })
})

test('one that does not end is ended', async () => {
  expect(await run('exec sleep 1000', { timeoutMs: 300 })).toEqual({ kind: 'timeout' })
})

test('one that prints without end is ended', async () => {
  expect(await run('exec yes', { outputBytes: 100_000 })).toEqual({ kind: 'too_much_output' })
})

test('one that wants too much memory does not get it', async () => {
  const hoard = `exec ${process.execPath} -e 'Buffer.alloc(2 ** 30)'`
  expect(await run(hoard)).toMatchObject({ kind: 'failed' })
})

test('one that is not there, or does not read its input, is a failure or an answer', async () => {
  const fd = fs.openSync('/dev/null', 'r')
  expect(await runLimited(['/nowhere/tool'], 'x'.repeat(1 << 20), fd, LIMITS)).toMatchObject({
    kind: 'failed',
  })
  fs.closeSync(fd)
  expect(await run('exit 3')).toEqual({ kind: 'failed', reason: 'exit code 3' })
})
