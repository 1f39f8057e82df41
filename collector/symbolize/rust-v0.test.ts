import { expect, test } from 'vitest'
import { decodePunycode } from './punycode.ts'
import { demangleRustV0 } from './rust-v0.ts'

// From the tests of github.com/rust-lang/rustc-demangle (its alternate form), and symbols rustc 1.95
// made, as llvm-cxxfilt and c++filt read them.
test.each([
  ['_RNvC6_123foo3bar', '123foo::bar'],
  [
    '_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y',
    'utf8_idents::საჭმელად_გემრიელი_სადილი',
  ],
  ['_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_', 'cc::spawn::{closure#0}::{closure#0}'],
  [
    '_RNCINkXs25_NgCsbmNqQUJIY6D_4core5sliceINyB9_4IterhENuNgNoBb_4iter8iterator8Iterator9rpositionNCNgNpB9_6memchr7memrchrs_0E0Bb_',
    '<core::slice::Iter<u8> as core::iter::iterator::Iterator>::rposition::<core::slice::memchr::memrchr::{closure#1}>::{closure#0}',
  ],
  [
    '_RINbNbCskIICzLVDPPb_5alloc5alloc8box_freeDINbNiB4_5boxed5FnBoxuEp6OutputuEL_ECs1iopQbuBiw2_3std',
    'alloc::alloc::box_free::<dyn alloc::boxed::FnBox<(), Output = ()>>',
  ],
  ['_RMC0INtC8arrayvec8ArrayVechKj7b_E', '<arrayvec::ArrayVec<u8, 123>>'],
  ['_RMCs4fqI2P2rA04_13const_genericINtB0_8UnsignedKhb_E', '<const_generic::Unsigned<11>>'],
  ['_RMCs4fqI2P2rA04_13const_genericINtB0_6SignedKanb_E', '<const_generic::Signed<-11>>'],
  ['_RMCs4fqI2P2rA04_13const_genericINtB0_4BoolKb0_E', '<const_generic::Bool<false>>'],
  ['_RMCs4fqI2P2rA04_13const_genericINtB0_4BoolKb1_E', '<const_generic::Bool<true>>'],
  ['_RMCs4fqI2P2rA04_13const_genericINtB0_4CharKc76_E', "<const_generic::Char<'v'>>"],
  ['_RMCs4fqI2P2rA04_13const_genericINtB0_4CharKca_E', "<const_generic::Char<'\\n'>>"],
  ['_RMCs4fqI2P2rA04_13const_genericINtB0_4CharKc2202_E', "<const_generic::Char<'∂'>>"],
  [
    '_RNvNvMCs4fqI2P2rA04_13const_genericINtB4_3FooKpE3foo3FOO',
    '<const_generic::Foo<_>>::foo::FOO',
  ],
  ['_RNvYNtC1a1ANtC1b1B1f', '<a::A as b::B>::f'],
  ['_RINvC1a1fFUKCPhOlEzE', 'a::f::<unsafe extern "C" fn(*const u8, *mut i32) -> !>'],
  ['_RINvC1a1fTlhETaEuE', 'a::f::<(i32, u8), (i8,), ()>'],
  ['_RINvC1a1fRAhj4_QShE', 'a::f::<&[u8; 4], &mut [u8]>'],
  ['_RINvC1a1fDG_INtC1b1TRL0_eEEL_E', "a::f::<dyn for<'a> b::T<&'a str>>"],
  ['_RC3foo.llvm.9D1C9369', 'foo'],
  ['_RC3foo.cold', 'foo.cold'],
])('%s', (name, expected) => {
  expect(demangleRustV0(name)).toBe(expected)
})

test.each([
  '_R',
  '_Rust',
  '_RNv',
  '_RNvC1a',
  '_RBB_',
  '_RB_',
  '_RC9short',
  '_RINvC1a1f',
  '_ZN1aE',
  '_RNvC1a1f!',
])('%s is none', (name) => {
  expect(demangleRustV0(name)).toBeNull()
})

test('references that repeat each other end', () => {
  expect(demangleRustV0(doubling(3))).toBe(
    'a::f::<(i32, i32), ((i32, i32), (i32, i32)), (((i32, i32), (i32, i32)), ((i32, i32), (i32, i32)))>',
  )
  expect(demangleRustV0(doubling(40))).toBeNull()
  expect(demangleRustV0(`_RINvC1a1f${'R'.repeat(50_000)}hE`)).toBeNull()
})

// Tuples of two references to the tuple before: the last has 2^levels elements.
function doubling(levels: number): string {
  let body = 'INvC1a1f'
  let last = body.length
  body += 'TllE'
  for (let level = 1; level < levels; level++) {
    const at = body.length
    body += `TB${base62(last)}B${base62(last)}E`
    last = at
  }
  return `_R${body}E`
}

test('any change of a name gives a name or none', () => {
  const name = '_RINbNbCskIICzLVDPPb_5alloc5alloc8box_freeDINbNiB4_5boxed5FnBoxuEp6OutputuEL_E'
  for (let at = 2; at < name.length; at++)
    for (const letter of 'BCEGIKLMNRTXsu_09') {
      const changed = name.slice(0, at) + letter + name.slice(at + 1)
      expect(typeof (demangleRustV0(changed) ?? '')).toBe('string')
    }
})

test('Punycode', () => {
  expect(decodePunycode('bcher-kva')).toBe('bücher')
  expect(decodePunycode('maana-pta')).toBe('mañana')
  expect(decodePunycode('ihqwcrb4cv8a8dqg056pqjye')).toBe('他们为什么不说中文')
  expect(decodePunycode('!')).toBeNull()
  expect(decodePunycode('a-99999999999')).toBeNull()
})

function base62(value: number): string {
  if (value === 0) return '_'
  const digits = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
  let text = ''
  for (let rest = value - 1; text === '' || rest > 0; rest = Math.floor(rest / 62))
    text = (digits[rest % 62] as string) + text
  return `${text}_`
}
