import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readLink, readProcFile, resolveInRoot } from './proc-file.ts'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'proc-file-'))
  mkdirSync(join(root, 'srv/releases/3'), { recursive: true })
  writeFileSync(join(root, 'srv/releases/3/app.py'), 'x'.repeat(10_000))
})

afterEach(() => rmSync(root, { recursive: true }))

test('reads at most as much as allowed', () => {
  const path = join(root, 'srv/releases/3/app.py')
  expect(readProcFile(path, 5000)?.length).toBe(5000)
  expect(readProcFile(path, 100_000)?.length).toBe(10_000)
})

test('reads files of /proc, whose size is not known before', () => {
  expect(readProcFile('/proc/self/maps', 1_000_000)?.toString()).toContain('[stack]')
})

test('answers null for what is not there', () => {
  expect(readProcFile('/proc/0/stat', 10)).toBeNull()
  expect(readProcFile(root, 10)).toBeNull()
  expect(readLink(join(root, 'srv'))).toBeNull()
})

test('follows links inside the root, absolute ones too', () => {
  symlinkSync('/srv/releases/3', join(root, 'srv/current'))
  symlinkSync('current/app.py', join(root, 'srv/main.py'))
  expect(resolveInRoot(root, '/srv/main.py')).toBe(`${root}/srv/releases/3/app.py`)
})

test('never leaves the root', () => {
  symlinkSync('../../../../../etc', join(root, 'srv/up'))
  expect(resolveInRoot(root, '/srv/up/passwd')).toBe(`${root}/etc/passwd`)
  expect(resolveInRoot(root, '/../../etc/passwd')).toBe(`${root}/etc/passwd`)
})

test('gives up on links that go in circles', () => {
  symlinkSync('/b', join(root, 'a'))
  symlinkSync('/a', join(root, 'b'))
  expect(resolveInRoot(root, '/a/x')).toBeNull()
})
