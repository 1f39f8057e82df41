import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findBusiest } from './busiest.ts'

let proc: string

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'busiest-'))
})
afterEach(() => rmSync(proc, { recursive: true }))

/** Fields as proc(5) numbers them: utime 14, stime 15, start of code 26. */
function process(pid: number, utime: number, stime: number, startCode = 4096): void {
  const fields = Array.from({ length: 50 }, (_, i) => i + 3)
  fields[14 - 3] = utime
  fields[15 - 3] = stime
  fields[26 - 3] = startCode
  mkdirSync(join(proc, `${pid}`))
  writeFileSync(join(proc, `${pid}/stat`), `${pid} (a) b) ${fields.join(' ')}\n`)
}

test('finds those that used nearly all the time, the busiest first', () => {
  process(1, 1, 0)
  process(2, 300, 100)
  process(3, 10, 600)
  process(4, 0, 0)
  mkdirSync(join(proc, 'sys'))
  expect(findBusiest(proc)).toEqual([3, 2])
})

test('leaves out kernel threads and what is about to end', () => {
  process(1, 5, 0)
  process(2, 300, 100, 0)
  mkdirSync(join(proc, '3'))
  expect(findBusiest(proc)).toEqual([1])
})
