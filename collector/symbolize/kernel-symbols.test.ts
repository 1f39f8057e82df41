import { expect, test } from 'vitest'
import { KallsymsBuilder } from './kallsyms.ts'
import { KernelSymbols } from './kernel-symbols.ts'

function kernel(text: string) {
  const state = { text, modules: 'ext4 1 0', nowMs: 0, readings: 0 }
  const symbols = new KernelSymbols({
    readKallsyms: () => {
      state.readings++
      const builder = new KallsymsBuilder()
      builder.add(Buffer.from(state.text))
      return builder.finish()
    },
    readModules: () => state.modules,
    nowMs: () => state.nowMs,
  })
  return { state, symbols }
}

const LINE = 'ffffffff81000000 T ret_from_fork_asm\nffffffff81000100 t do_work\n'

test('the same address is the same frame', () => {
  const { symbols } = kernel(LINE)
  const frame = symbols.frame(0xffffffff81000110n)
  expect(frame).toMatchObject({ name: 'do_work', mapping: '[kernel.kallsyms]', threadStart: false })
  expect(symbols.frame(0xffffffff81000110n)).toBe(frame)
  expect(symbols.frame(0xffffffff81000010n).threadStart).toBe(true)
})

test('symbols are read when first needed, and again when modules change or after some minutes', () => {
  const { state, symbols } = kernel(LINE)
  symbols.refresh()
  expect(state.readings).toBe(0)
  symbols.frame(0xffffffff81000110n)
  symbols.refresh()
  expect(state.readings).toBe(1)
  state.modules = 'ext4 1 0\nfuse 1 0'
  state.text = LINE.replace('do_work', 'other_work')
  symbols.refresh()
  expect(state.readings).toBe(2)
  expect(symbols.frame(0xffffffff81000110n).name).toBe('other_work')
  state.nowMs = 3_600_000
  symbols.refresh()
  expect(state.readings).toBe(3)
})

test('hidden addresses give one nameless frame and a note that says what to do', () => {
  const { symbols } = kernel('0000000000000000 T f\n')
  expect(symbols.notes()).toEqual([])
  const frame = symbols.frame(0xffffffff81000110n)
  expect(symbols.frame(0xffffffff81999999n)).toBe(frame)
  expect(frame.name).toBe('[kernel.kallsyms]')
  expect(symbols.notes()).toHaveLength(1)
  expect(symbols.notes()[0]).toMatch(/CAP_SYSLOG/)
})
