import { expect, test } from 'vitest'
import { kernelVersion, mayFreezeOnUserReads } from './kernel-version.ts'

test('the version is that of the sources, wherever the distribution says it', () => {
  expect(kernelVersion('6.18.44', '#1 SMP', '')).toEqual([6, 18, 44])
  const debian = '#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)'
  expect(kernelVersion('6.1.0-28-amd64', debian, '')).toEqual([6, 1, 119])
  const ubuntu = 'Ubuntu 6.2.0-20.20-generic 6.2.6'
  expect(kernelVersion('6.2.0-20-generic', '#20-Ubuntu SMP', ubuntu)).toEqual([6, 2, 6])
  expect(kernelVersion('6.4-rc1', '#1', '')).toEqual([6, 4, 0])
})

test.each([
  ['5.18.19', false],
  ['5.19.0', true],
  ['6.0.19', true],
  ['6.1.35', true],
  ['6.1.36', false],
  ['6.2.16', true],
  ['6.3.9', true],
  ['6.3.10', false],
  ['6.4.0', false],
  ['7.1.2', false],
])('reading memory of processes on %s may freeze the machine: %s', (release, freezes) => {
  expect(mayFreezeOnUserReads(kernelVersion(release, '', ''))).toBe(freezes)
})
