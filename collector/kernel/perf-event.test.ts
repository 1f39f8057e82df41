import { describe, expect, test } from 'vitest'
import { explainPerfError, parseCpuList, readOnlineCpus } from './perf-event.ts'

describe('the list of CPUs', () => {
  test.each([
    ['0\n', [0]],
    ['0-3,5\n', [0, 1, 2, 3, 5]],
    ['2,4-4,127', [2, 4, 127]],
  ])('%j', (text, cpus) => {
    expect(parseCpuList(text)).toEqual(cpus)
  })

  test.each(['', 'a', '0-', '-1', '0,,1', '0 1'])('%j is refused with the text got', (text) => {
    expect(() => parseCpuList(text)).toThrow(JSON.stringify(text))
  })

  test('of this machine has at least one', () => {
    expect(readOnlineCpus().length).toBeGreaterThan(0)
  })
})

describe('an error of perf_event_open', () => {
  test('ENODEV: the CPU went away, which is no error', () => {
    expect(explainPerfError(19, 3)).toBeNull()
  })

  test.each([1, 13])('errno %d: not privileged', (errno) => {
    expect(() => explainPerfError(errno, 0)).toThrow(
      expect.objectContaining({
        code: 'not_privileged',
        hint: expect.stringContaining('CAP_PERFMON'),
      }),
    )
  })

  test('anything else names the CPU and the errno', () => {
    expect(() => explainPerfError(24, 7)).toThrow(
      expect.objectContaining({ code: 'perf_event', message: expect.stringMatching(/CPU 7.*24/) }),
    )
  })
})
