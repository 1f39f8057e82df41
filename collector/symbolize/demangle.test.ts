import { expect, test } from 'vitest'
import { demangle } from './demangle.ts'

test.each([
  ['_ZN3foo3barEv', 'foo::bar()'],
  [
    '_ZNSt6vectorIiSaIiEE9push_backERKi',
    'std::vector<int, std::allocator<int> >::push_back(int const&)',
  ],
  ['_ZN12_GLOBAL__N_17measureEd', '(anonymous namespace)::measure(double)'],
  ['_ZZN1a1bEvENKUlvE_clEv', 'a::b()::{lambda()#1}::operator()() const'],
  ['_ZN3foo3barEv.cold', 'foo::bar() [clone .cold]'],
  ['_ZN3foo3barEv.part.0', 'foo::bar() [clone .part.0]'],
])('C++: %s', (name, expected) => {
  expect(demangle(name)).toBe(expected)
})

test.each([
  ['_ZN4core3fmt9Formatter3pad17h0123456789abcdefE', 'core::fmt::Formatter::pad'],
  [
    '_ZN50_$LT$T$u20$as$u20$core..convert..Into$LT$U$GT$$GT$4into17h0123456789abcdefE',
    '<T as core::convert::Into<U>>::into',
  ],
  ['_ZN1a5inner13gr$uf6$$udf$e10z$ue4$hlen17h424c91b729fb2a86E', 'a::inner::größe::zählen'],
  ['_RNvC6_123foo3bar', '123foo::bar'],
])('Rust: %s', (name, expected) => {
  expect(demangle(name)).toBe(expected)
})

test.each(['main', '', '_', '_Z', '_ZN', '_R', '_ZN1a', '__libc_start_main', '_Zebra crossing'])(
  'what is no mangled name stays as it is: "%s"',
  (name) => {
    expect(demangle(name)).toBe(name)
  },
)

test('a name that would explode stays as it is', () => {
  // pair<pair<pair<…>, pair<…>>, …>: 40 levels, each by reference to the one before, 2^40 names long.
  const id = (n: number) => (n === 0 ? 'S_' : `S${(n - 1).toString(36).toUpperCase()}_`)
  let bomb = '_Z1fSt4pairIiiE'
  for (let n = 0; n < 40; n++) bomb += `S_I${id(n + 1)}${id(n + 1)}E`
  expect(demangle(bomb)).toBe(bomb)
  expect(demangle(`_Z1f${'P'.repeat(20_000)}i`)).toHaveLength(20_005)
})

test('a deeply nested name answers something', () => {
  for (const part of ['N', 'P', 'Z', 'F', 'I', 'X', 'cv', 'N1a', 'PF', '1aI'])
    expect(demangle(`_Z1f${part.repeat(2000)}`)).toMatch(/^_Z1f/)
})
