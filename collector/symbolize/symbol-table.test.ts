import { expect, test } from 'vitest'
import { makeElf, type TinyElf, type TinySymbol } from '../../tests/fixtures/programs/tiny-elf.ts'
import { MemorySource } from './byte-source.ts'
import { readElf } from './elf.ts'
import { loadSymbols } from './load-symbols.ts'
import { isBetterName } from './symbol-table.ts'

function open(file: TinyElf) {
  const source = new MemorySource(makeElf(file))
  const elf = readElf(source)
  if (elf.kind === 'fault') throw new Error(elf.reason)
  return { elf, source, from: 'image' as const }
}

/** Asks for the function at an address; '-' when there is none. */
function tableOf(file: TinyElf, debug?: TinyElf): (vaddr: number) => string {
  const image = open(file)
  const table = loadSymbols(image, debug ? open(debug) : null)
  return (vaddr) => {
    const found = table?.find(vaddr) ?? null
    return found === null ? '-' : (table?.readName(found.row, () => null) ?? '?')
  }
}

function symbol(name: string, value: number, size: number, rest: Partial<TinySymbol> = {}) {
  return { name, value, size, ...rest }
}

test('a function covers its bytes and no more', () => {
  const at = tableOf({ symbols: [symbol('f', 0x1100, 16), symbol('g', 0x1200, 16)] })
  expect([0x10ff, 0x1100, 0x110f, 0x1110, 0x1200].map(at)).toEqual(['-', 'f', 'f', '-', 'g'])
})

test('the innermost of nested functions is the answer, behind it the outer one again', () => {
  const at = tableOf({
    symbols: [symbol('outer', 0x1100, 100), symbol('inner', 0x1110, 8), symbol('last', 0x1120, 8)],
  })
  expect([0x1100, 0x1112, 0x1118, 0x1124, 0x1130].map(at)).toEqual([
    'outer',
    'inner',
    'outer',
    'last',
    'outer',
  ])
})

test('a function without a size reaches to the next one, the last to the end of its section', () => {
  const at = tableOf({ symbols: [symbol('f', 0x1100, 0), symbol('g', 0x1140, 0)] })
  expect([0x113f, 0x1140, 0x1fff].map(at)).toEqual(['f', 'g', 'g'])
})

test('a dynamic symbol without a size is only where it says', () => {
  const at = tableOf({ dynamicSymbols: [symbol('f', 0x1100, 0)] })
  expect([0x1100, 0x1101].map(at)).toEqual(['f', '-'])
})

test('of several names a global one is preferred, then one with a size, then the plainest', () => {
  const names = (...symbols: TinySymbol[]) => tableOf({ symbols })(0x1100)
  expect(names(symbol('a', 0x1100, 4, { binding: 'local' }), symbol('b', 0x1100, 4))).toBe('b')
  expect(names(symbol('a', 0x1100, 0), symbol('b', 0x1100, 4, { binding: 'local' }))).toBe('b')
  expect(names(symbol('__write', 0x1100, 4), symbol('write', 0x1100, 4, { binding: 'weak' }))).toBe(
    'write',
  )
})

test('the plainest name has the fewest leading underscores, then letters, then comes first', () => {
  expect(isBetterName('write', '__write')).toBe(true)
  expect(isBetterName('printf', '_IO_printf')).toBe(true)
  expect(isBetterName('memcpy', 'memmove')).toBe(true)
  expect(isBetterName('b', 'a')).toBe(false)
})

test('data, references to other files and symbols outside the code are left out', () => {
  const at = tableOf({
    symbols: [
      symbol('data', 0x1100, 4, { type: 'object' }),
      symbol('elsewhere', 0x1110, 4, { undefined: true }),
      symbol('far', 0x9_0000_0000, 4),
    ],
  })
  expect([0x1100, 0x1110].map(at)).toEqual(['-', '-'])
})

test('both tables count; where they meet, the full one', () => {
  const at = tableOf({
    symbols: [symbol('local_name', 0x1100, 4, { binding: 'local' })],
    dynamicSymbols: [symbol('exported', 0x1100, 4), symbol('only_dynamic', 0x1200, 4)],
  })
  expect([0x1100, 0x1200].map(at)).toEqual(['local_name', 'only_dynamic'])
})

test('a separate debug file gives the names that were stripped', () => {
  const at = tableOf(
    { dynamicSymbols: [symbol('exported', 0x1100, 4)] },
    { symbols: [symbol('inner', 0x1200, 4, { binding: 'local' })] },
  )
  expect([0x1100, 0x1200].map(at)).toEqual(['exported', 'inner'])
})

test('the version of a symbol is not part of its name', () => {
  const at = tableOf({
    symbols: [symbol('memcpy@@GLIBC_2.14', 0x1100, 4), symbol('@x', 0x1200, 4)],
  })
  expect([0x1100, 0x1200].map(at)).toEqual(['memcpy', '@x'])
})
