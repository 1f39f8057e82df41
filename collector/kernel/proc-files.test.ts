import { expect, test } from 'vitest'
import { parseFdinfo } from './fdinfo.ts'
import { hasKernelThreadFlag, isKernelThread } from './kernel-thread.ts'

test('fdinfo: the numbers of a program by their names', () => {
  const text =
    'pos:\t0\nflags:\t02000002\nprog_type:\t7\nprog_tag:\tca3fd00c7ac8aa4c\nrun_time_ns:\t123\nrun_cnt:\t4\n'
  const fields = parseFdinfo(text)
  expect(fields.get('run_time_ns')).toBe(123)
  expect(fields.get('run_cnt')).toBe(4)
  expect(fields.has('prog_tag')).toBe(false)
})

test('a kernel thread is known by its flags, whatever its name', () => {
  expect(hasKernelThreadFlag('2 (kthreadd) S 0 0 0 0 -1 2129984 0 0')).toBe(true)
  expect(hasKernelThreadFlag('77 (a) R 0 (x) S 1 77 77 0 -1 4194560 0 0')).toBe(false)
  expect(hasKernelThreadFlag('')).toBe(false)
})

test('this process is no kernel thread, nor is one that is gone', () => {
  expect(isKernelThread(process.pid)).toBe(false)
  expect(isKernelThread(0x7fffffff)).toBe(false)
})
