import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openMapped, openRegular } from './mapped-file.ts'
import type { Mapping } from './mappings.ts'

// Of coreutils; Node has no call for it.
const MAKE_FIFO = 'mkfifo'

let directory: string

beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'flamewatch-mapped-'))
})

afterAll(() => fs.rmSync(directory, { recursive: true }))

/** As if this process had mapped `file`; nothing is mapped there, so map_files has no answer. */
function mappingOf(file: string, change: Partial<Mapping> = {}): Mapping {
  const stat = fs.statSync(file, { bigint: true })
  return {
    kind: 'file',
    start: 0x1000,
    end: 0x2000,
    offset: 0,
    path: file,
    deleted: false,
    device: stat.dev,
    inode: stat.ino,
    ...change,
  }
}

function write(name: string, text: string): string {
  const file = path.join(directory, name)
  fs.writeFileSync(file, text)
  return file
}

function contentOf(opened: ReturnType<typeof openRegular>): string {
  if (opened.kind === 'fault') return `fault: ${opened.reason}`
  try {
    return fs.readFileSync(opened.fd, 'utf8')
  } finally {
    fs.closeSync(opened.fd)
  }
}

test('the file at the path is opened when it is the one that is mapped', () => {
  expect(contentOf(openMapped(process.pid, mappingOf(write('a', 'code'))))).toBe('code')
})

test('a file of a process that has ended is found where we see it', () => {
  expect(contentOf(openMapped(2 ** 22 + 1, mappingOf(write('b', 'code'))))).toBe('code')
})

test('another file at that path is refused, also by way of a link', () => {
  const old = mappingOf(write('c', 'old'))
  write('c2', 'new')
  fs.renameSync(path.join(directory, 'c2'), path.join(directory, 'c'))
  expect(openMapped(process.pid, old)).toMatchObject({ kind: 'fault', transient: true })
  const link = path.join(directory, 'link')
  fs.symlinkSync('/etc/passwd', link)
  expect(openMapped(process.pid, { ...old, path: link }).kind).toBe('fault')
})

test('a FIFO is refused without waiting for its writer, a directory and a device too', () => {
  const fifo = path.join(directory, 'fifo')
  execFileSync(MAKE_FIFO, [fifo])
  for (const place of [fifo, directory, '/dev/zero'])
    expect(openRegular(place)).toMatchObject({ kind: 'fault', reason: 'not a regular file' })
})

test('what is not there may be there the next time', () => {
  expect(openRegular(path.join(directory, 'missing'))).toEqual({
    kind: 'fault',
    reason: 'ENOENT',
    transient: true,
  })
})

test('the identity changes with the content', () => {
  const file = write('d', 'one')
  const identity = () => {
    const opened = openRegular(file)
    if (opened.kind === 'fault') throw new Error(opened.reason)
    fs.closeSync(opened.fd)
    return opened.identity
  }
  const before = identity()
  expect(identity()).toBe(before)
  fs.appendFileSync(file, 'two')
  expect(identity()).not.toBe(before)
})
