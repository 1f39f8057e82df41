import fs from 'node:fs'
import { expect, test } from 'vitest'
import { readMappings } from '../../collector/process/mappings.ts'
import { PT_INTERP } from '../../collector/symbolize/elf.ts'
import { readAddresses, readUndefinedReturns } from '../fixtures/programs/binutils.ts'
import { compileFixture } from '../fixtures/programs/build.ts'
import { openImage } from '../fixtures/programs/open-image.ts'

// Where threads begin in the real files of this machine. That sampled stacks end there is seen in
// tests/kernel.

const EXECUTABLES = [
  fs.realpathSync(process.execPath),
  '/bin/bash',
  '/usr/bin/python3',
  compileFixture('busy-fp'),
  compileFixture('busy-exec'),
  compileFixture('busy-static'),
  compileFixture('busy-stripped'),
].filter((path) => fs.existsSync(path))

test.each(EXECUTABLES)('%s begins at its entry point and nowhere near it', (path) => {
  const { image, isThreadStart } = openImage(path)
  const { entry } = image.elf
  // The call of __libc_start_main is the last instruction but one of _start.
  expect(isThreadStart(entry)).toBe(true)
  expect(isThreadStart(entry + 0x1e)).toBe(true)
  expect(isThreadStart(entry - 1)).toBe(false)
  expect(isThreadStart(entry + 0x60)).toBe(false)
})

test.each(['busy-fp', 'busy-nofp', 'busy-static'] as const)(
  'no thread begins in the functions of %s itself',
  (fixture) => {
    const path = compileFixture(fixture)
    const { isThreadStart } = openImage(path)
    const functions = readAddresses(path)
    for (const name of ['main', 'work', 'heavy', 'light', 'burn', 'thread_main']) {
      const symbol = functions.get(name)
      if (symbol === undefined) throw new Error(`${fixture} has no ${name}`)
      for (let at = symbol.start; at < symbol.end; at++) expect(isThreadStart(at)).toBe(false)
    }
  },
)

test('a program may call its own function start_thread', () => {
  const path = compileFixture('busy-fp')
  const symbol = readAddresses(path).get('start_thread')
  if (symbol === undefined) throw new Error('busy-fp has no start_thread')
  expect(openImage(path).isThreadStart(symbol.start + 8)).toBe(false)
})

test('the dynamic loader begins threads at its entry point', () => {
  const path = findMapped(/\/ld[-.]/)
  const { image, isThreadStart } = openImage(path)
  expect(isThreadStart(image.elf.entry + 7)).toBe(true)
  expect(isThreadStart(image.elf.entry + 0x60)).toBe(false)
})

const LIBC = findMapped(/\/(libc|ld-musl)[-.]/)
const libc = openImage(LIBC)
const libcFunctions = readAddresses(LIBC)

test('libc begins threads wherever its unwind information ends the stack', () => {
  const { image, isThreadStart } = libc
  const ends = readUndefinedReturns(LIBC).filter(({ start }) => start !== image.elf.entry)
  for (const { start, end } of ends) {
    expect(isThreadStart(start)).toBe(true)
    expect(isThreadStart(end - 1)).toBe(true)
    expect(isThreadStart(start - 1, true)).toBe(false)
  }
})

test.each([
  ...['__libc_start_main', 'exit', '_exit', 'abort', 'malloc', 'poll', 'read', 'qsort', 'fork'],
  ...['pthread_create', 'pthread_join', 'pthread_exit', 'pthread_cond_wait', 'bsearch', 'system'],
])('libc begins no thread in %s', (name) => {
  const { isThreadStart } = libc
  const symbol = libcFunctions.get(name)
  if (symbol === undefined) throw new Error(`${LIBC} has no ${name}`)
  for (let at = symbol.start; at < symbol.end; at++) expect(isThreadStart(at)).toBe(false)
})

test('the parent inside clone is no beginning, its caller’s place in the child is', () => {
  const symbol = libcFunctions.get('clone')
  if (symbol === undefined) throw new Error(`${LIBC} has no clone`)
  const { isThreadStart } = libc
  expect(isThreadStart(symbol.start + 8, true)).toBe(false)
  const callers = Array.from({ length: symbol.end - symbol.start }, (_, i) => symbol.start + i)
  expect(callers.some((at) => isThreadStart(at))).toBe(true)
})

test('other libraries begin none', () => {
  const libraries = (readMappings(process.pid)?.list ?? [])
    .filter(({ kind, path }) => kind === 'file' && /\/lib(m|stdc\+\+|gcc_s)[-.]/.test(path))
    .map(({ path }) => path)
  expect(libraries.length).toBeGreaterThan(0)
  for (const path of libraries) {
    const { image, isThreadStart } = openImage(path)
    expect(image.elf.segments.some(({ type }) => type === PT_INTERP)).toBe(false)
    for (const { start } of readAddresses(path).values()) expect(isThreadStart(start)).toBe(false)
  }
})

function findMapped(pattern: RegExp): string {
  const mapping = readMappings(process.pid)?.list.find(({ path }) => pattern.test(path))
  if (mapping === undefined) throw new Error(`this process maps nothing like ${pattern.source}`)
  return mapping.path
}
