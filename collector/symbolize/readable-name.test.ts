import { expect, test } from 'vitest'
import { cleanName, shortenName } from './readable-name.ts'

test('a name that fits stays as it is', () => {
  const name = 'std::vector<int, std::allocator<int> >::push_back(int const&)'
  expect(shortenName(name)).toBe(name)
})

test('of a long one the innermost brackets go first', () => {
  const name =
    'a::Map<std::string, std::vector<std::pair<int, int> > >::find(std::pair<long, long>)'
  expect(shortenName(name, 80)).toBe(
    'a::Map<std::string, std::vector<std::pair<…> > >::find(std::pair<long, long>)',
  )
  expect(shortenName(name, 70)).toBe('a::Map<std::string, std::vector<…> >::find(std::pair<…>)')
  expect(shortenName(name, 40)).toBe('a::Map<…>::find(…)')
})

test('operators, arrows, lambdas and marks of clones are no brackets', () => {
  const tail = `<${'x'.repeat(50)}>`
  expect(shortenName(`operator<< ${tail}(std::ostream&)`, 40)).toBe('operator<< <…>(…)')
  expect(shortenName(`S::operator()${tail}() const`, 40)).toBe('S::operator()<…>() const')
  expect(shortenName(`S::operator->${tail}()`, 40)).toBe('S::operator-><…>()')
  expect(shortenName(`f${tail}() [clone .cold]`, 40)).toBe('f<…>() [clone .cold]')
  expect(shortenName(`f${tail}()::{lambda(int)#2}::operator()(int)`, 50)).toBe(
    'f<…>()::{lambda(…)#2}::operator()(…)',
  )
  expect(shortenName(`(anonymous namespace)::f${tail}()`, 40)).toBe('(anonymous namespace)::f<…>()')
})

test('when that is not enough the front of the path goes, and of other names the end', () => {
  expect(shortenName(`${'name::'.repeat(20)}last()`, 30)).toBe(
    '…name::name::name::name::last()'.slice(-30).replace(/^./, '…'),
  )
  expect(shortenName('x'.repeat(50), 10)).toBe(`${'x'.repeat(9)}…`)
  expect(shortenName(`f<${'<'.repeat(300)}`, 10)).toHaveLength(10)
})

test('what cannot be printed or runs backwards is replaced', () => {
  expect(cleanName('a\u0000b\u001b[31mc\u007f\u202ed\n')).toBe('a?b?[31mc??d?')
})

test('a pair of surrogates is not cut apart', () => {
  expect(cleanName(`${'x'.repeat(8)}😀😀`, 10)).toBe(`${'x'.repeat(8)}…`)
})

test('a hostile name of great length takes no time', () => {
  for (const piece of ['<', '(', '<>', 'operator<', '[clone ', '::', 'a<b,'])
    expect(shortenName(piece.repeat(50_000)).length).toBeLessThanOrEqual(200)
})
