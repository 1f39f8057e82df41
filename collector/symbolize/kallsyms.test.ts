import { expect, test } from 'vitest'
import { KallsymsBuilder } from './kallsyms.ts'

function parseKallsyms(text: Buffer, pieceBytes = text.length || 1) {
  const builder = new KallsymsBuilder()
  for (let at = 0; at < text.length; at += pieceBytes)
    builder.add(text.subarray(at, at + pieceBytes))
  return builder.finish()
}

const TEXT = Buffer.from(
  [
    'ffffffff81000000 T _stext',
    'ffffffff81000000 T first',
    'ffffffff81000040 t second',
    'ffffffff81000080 D some_data',
    'ffffffff810000c0 W weak_one',
    'ffffffff81000100 B bss',
    'ffffffffc0300000 t ext4_read\t[ext4]',
    'ffffffffc0100000 t fuse_read\t[fuse]',
    'ffffffffc0000000 t ftrace_trampoline\t[__builtin__ftrace]',
    'ffffffffc0200000 t bpf_prog_0123456789abcdef_sample\t[bpf]',
    '',
  ].join('\n'),
)

function at(address: bigint, text = TEXT): string {
  const found = parseKallsyms(text).find(address)
  return found === null ? '-' : `${found.name} ${found.module}`
}

test('a function reaches to the next one, whatever data lies between', () => {
  expect(at(0xffffffff8100003fn)).toBe('_stext [kernel.kallsyms]')
  expect(at(0xffffffff81000040n)).toBe('second [kernel.kallsyms]')
  expect(at(0xffffffff81000090n)).toBe('second [kernel.kallsyms]')
  expect(at(0xffffffff810000c1n)).toBe('weak_one [kernel.kallsyms]')
})

test('modules and BPF programs are appended in any order and say so in their module', () => {
  expect(at(0xffffffffc0100010n)).toBe('fuse_read [fuse.ko]')
  expect(at(0xffffffffc0300010n)).toBe('ext4_read [ext4.ko]')
  expect(at(0xffffffffc0200010n)).toBe('bpf_prog_0123456789abcdef_sample [bpf]')
  expect(at(0xffffffffc0000010n)).toBe('ftrace_trampoline [kernel.kallsyms]')
})

test('addresses before the first function and far behind any have no name', () => {
  expect(at(0xffffffff80ffffffn)).toBe('-')
  expect(at(0xffffffff90000000n)).toBe('-')
})

test('addresses of other halves of the address space are compared whole', () => {
  const arm64 = Buffer.from('ffff800008010000 T low\nffff800108010000 T high\n')
  expect(at(0xffff800008010004n, arm64)).toBe('low [kernel.kallsyms]')
  expect(at(0xffff800108010004n, arm64)).toBe('high [kernel.kallsyms]')
})

test('hidden addresses are noticed', () => {
  const hidden = parseKallsyms(Buffer.from('0000000000000000 T _stext\n0000000000000000 t f\n'))
  expect(hidden).toMatchObject({ hidden: true, rows: 0 })
  expect(parseKallsyms(TEXT).hidden).toBe(false)
})

test('lines that are cut or strange are left out', () => {
  const strange = Buffer.from('\n\nffff T x\nffffffff81000000 T ok\nffffffff81000040 T')
  expect(parseKallsyms(strange).rows).toBe(1)
  expect(parseKallsyms(Buffer.alloc(0)).find(1n)).toBeNull()
})

test('lines cut between two pieces of the file are put together', () => {
  const whole = parseKallsyms(TEXT)
  for (const pieceBytes of [1, 7, 30, 64]) {
    const pieces = parseKallsyms(TEXT, pieceBytes)
    for (const address of [0xffffffff81000050n, 0xffffffffc0100010n, 0xffffffffc0300010n])
      expect(pieces.find(address)).toEqual(whole.find(address))
    expect(pieces.rows).toBe(whole.rows)
  }
})

test('more functions and names than there was room for at first', () => {
  const lines = Array.from({ length: 150_000 }, (_, i) => {
    const address = (0xffffffff81000000n + BigInt(i) * 16n).toString(16)
    return `${address} t function_with_a_longish_name_${i}\n`
  })
  const symbols = parseKallsyms(Buffer.from(lines.join('')), 1 << 16)
  expect(symbols.rows).toBe(150_000)
  expect(symbols.find(0xffffffff81000000n + 149_999n * 16n)?.name).toBe(
    'function_with_a_longish_name_149999',
  )
})
