import { describe, expect, test } from 'vitest'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { BpfError } from './libbpf.ts'
import { checkPidNamespace, checkPrivileges, explainLoadError, isOlderThan } from './preflight.ts'

function codeOf(error: unknown): string {
  return error instanceof FlamewatchError ? error.code : 'none'
}

function statusWith(...capabilities: number[]): string {
  const bits = capabilities.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n)
  return `Name:\tnode\nCapEff:\t${bits.toString(16).padStart(16, '0')}\nCapBnd:\t0\n`
}

describe('rights', () => {
  test.each([[[21]], [[38, 39]], [[21, 38, 39, 40]]])(
    'capabilities %j are enough',
    (capabilities) => {
      expect(() => checkPrivileges(statusWith(...capabilities))).not.toThrow()
    },
  )

  test.each([
    [[], 'CAP_BPF and CAP_PERFMON missing'],
    [[39], 'CAP_PERFMON missing'],
    [[38, 12], 'CAP_BPF missing'],
  ])('capabilities %j: %s', (capabilities, text) => {
    expect(() => checkPrivileges(statusWith(...capabilities))).toThrow(text)
  })

  test('only the PID namespace of the host shows the host', () => {
    expect(() => checkPidNamespace('pid:[4026531836]')).not.toThrow()
    expect(() => checkPidNamespace('pid:[4026532281]')).toThrow('pid:[4026532281]')
  })
})

describe('what libbpf and the kernel answer to an object', () => {
  const explain = (errno: number, log = '', kernel = '6.1.0-28-amd64') =>
    explainLoadError(new BpfError('bpf_object__load', errno, 'words', log), kernel)

  test.each([
    ['EPERM', 1, '', 'not_privileged'],
    ['ESRCH about BTF', 3, 'libbpf: failed to find valid kernel BTF', 'btf_missing'],
    ['ENOSYS', 38, '', 'kernel_unsupported'],
    ['EACCES of the verifier', 13, 'R1 invalid mem access', 'bpf_rejected'],
    ['EINVAL on a new kernel', 22, '', 'bpf_rejected'],
    ['no ELF', 4000, '', 'bpf_object_damaged'],
    ['no BPF object', 4001, '', 'bpf_object_damaged'],
    ['a relocation', 4005, '', 'bpf_rejected'],
  ])('%s', (_name, errno, log, code) => {
    expect(codeOf(explain(errno, log))).toBe(code)
  })

  test('EINVAL before 5.8 means that ring buffers are not known', () => {
    expect(codeOf(explain(22, '', '5.4.0-150-generic'))).toBe('kernel_unsupported')
  })

  test('the words of the verifier and the kernel version are in the text', () => {
    const error = explain(13, 'R1 invalid mem access', '6.1.0-28-amd64')
    expect(String(error)).toContain('R1 invalid mem access')
    expect(String(error)).toContain('6.1.0-28-amd64')
  })

  test('another error is left as it is', () => {
    const error = new RangeError('x')
    expect(explainLoadError(error)).toBe(error)
  })
})

test.each([
  ['5.4.0-150-generic', true],
  ['5.7', true],
  ['4.19.0', true],
  ['5.8.0', false],
  ['5.10.0-28-amd64', false],
  ['6.18.44', false],
  ['unknown', false],
])('kernel %s is older than 5.8: %s', (release, older) => {
  expect(isOlderThan(release, 5, 8)).toBe(older)
})
