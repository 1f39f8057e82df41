import { expect, test } from 'vitest'
import { EM_AARCH64, EM_X86_64 } from './elf.ts'
import { type ThreadCode, threadCodeOf } from './thread-code.ts'

function codeOf(machine: number): ThreadCode {
  const code = threadCodeOf(machine)
  if (code === null) throw new Error(`no code for machine ${machine}`)
  return code
}

const x86 = codeOf(EM_X86_64)
const arm = codeOf(EM_AARCH64)

function bytes(text: string): Buffer {
  return Buffer.concat([Buffer.from(text.replaceAll(' ', ''), 'hex'), Buffer.alloc(16, 0x90)])
}

function words(...instructions: number[]): Buffer {
  return Buffer.from(Uint32Array.from([...instructions, 0xd503201f, 0xd503201f]).buffer)
}

// The code of Debian 12's and Alpine's C libraries around the call of a thread's own function.
test.each([
  [
    'glibc clone: call *%rax; mov %rax,%rdi; mov $60,%eax; syscall',
    'ffd0 4889c7 b83c000000 0f05',
    [0, 2],
  ],
  [
    'musl clone: call *%r9; mov %eax,%edi; xor; mov $60,%al; syscall',
    '41ffd1 89c7 31c0 b03c 0f05',
    [1, 3],
  ],
  ['glibc main: call *%rax; mov %eax,%edi; call exit', 'ffd0 89c7 e8f7ef0000', [0, 2]],
  ['musl start: call *(%rbx); mov %rax,%rdi; call pthread_exit', 'ff13 4889c7 e8f6ef0000', [0, 2]],
  [
    'old glibc main: call *0x18(%rsp); mov %eax,%edi; call exit',
    'ff542418 89c7 e8f5ef0000',
    [0, 4],
  ],
  ['musl C11: call *(%rax); movslq %eax,%rdi; call pthread_exit', 'ff10 4863f8 e8f6ef0000', [0, 2]],
])('x86-64, %s', (_, code, [start, end]) => {
  expect(x86.findFinalCalls(bytes(code), 0x1000, [0x10000])).toEqual([{ start, end }])
})

test.each([
  ['a direct call before exit', 'e800000000 89c7 e8f4ef0000'],
  ['a call of something else after it', 'ffd0 89c7 e8aaaa0000'],
  ['another system call', 'ffd0 4889c7 b8e7000000 0f05'],
  ['an argument that is no result', 'ffd0 bf01000000 e8f4ef0000'],
])('x86-64, %s begins no thread', (_, code) => {
  expect(x86.findFinalCalls(bytes(code), 0x1000, [0x10000])).toEqual([])
})

test('x86-64: the loop in which start_thread ends is found, the system call of _exit is not', () => {
  expect(x86.findExitLoops(bytes('ba3c000000 6690 31ff 89d0 0f05 ebf8'))).toEqual([11])
  expect(x86.findExitLoops(bytes('b8e7000000 0f05 ebf8'))).toEqual([])
  expect(x86.findExitLoops(bytes('b83c000000 0f05 c3'))).toEqual([])
  expect(x86.callsPointer(bytes('ff9340060000'))).toBe(true)
  expect(x86.callsPointer(bytes('e800000000'))).toBe(false)
})

test('arm64: the child of clone, main and the start of a thread', () => {
  const BLR_X10 = 0xd63f0140
  const BL_16 = 0x94000004
  expect(arm.findFinalCalls(words(BLR_X10, 0xd2800ba8, 0xd4000001), 0, [])).toEqual([
    { start: 0, end: 4 },
  ])
  expect(arm.findFinalCalls(words(BLR_X10, BL_16, 0), 0x1000, [0x1014])).toEqual([
    { start: 0, end: 4 },
  ])
  expect(arm.findFinalCalls(words(BLR_X10, 0x93407c00, BL_16), 0x1000, [0x1018])).toEqual([
    { start: 0, end: 4 },
  ])
  expect(arm.findFinalCalls(words(BLR_X10, BL_16, 0), 0x1000, [0x2000])).toEqual([])
  expect(arm.findFinalCalls(words(BL_16, BL_16, 0), 0x1000, [0x1014])).toEqual([])
})

test('arm64: a call back over 4 KiB is a call too', () => {
  expect(arm.findFinalCalls(words(0xd63f0060, 0x97fffc00, 0), 0x2000, [0x1004])).toHaveLength(1)
})

test('arm64: the loop in which start_thread ends', () => {
  const loop = words(0xd2800ba8, 0xd2800000, 0xd4000001, 0x17fffffe)
  expect(arm.findExitLoops(loop)).toEqual([8])
  expect(arm.findExitLoops(words(0xd2800ba8, 0xd4000001, 0xd65f03c0))).toEqual([])
})
