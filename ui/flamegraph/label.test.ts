import { describe, expect, it } from 'vitest'
import { createLabels, shorten, splitName, visible } from './label.ts'
import { createMeasure } from './text-width.ts'

describe('shorten', () => {
  it.each([
    ['runtime.mallocgc', ['runtime.mallocgc', 'mallocgc']],
    [
      'github.com/acme/price.(*Engine).Apply',
      [
        'github.com/acme/price.(*Engine).Apply',
        'com/acme/price.(*Engine).Apply',
        'acme/price.(*Engine).Apply',
        'price.(*Engine).Apply',
        '(*Engine).Apply',
        'Apply',
      ],
    ],
    [
      'std::vector<std::pair<int, float>>::emplace_back<int>(int&&)',
      [
        'std::vector<std::pair<int, float>>::emplace_back<int>(int&&)',
        'std::vector::emplace_back',
        'vector::emplace_back',
        'emplace_back',
      ],
    ],
    [
      'node::(anonymous namespace)::Parser::OnRead(long, uv_buf_t const*)',
      [
        'node::(anonymous namespace)::Parser::OnRead(long, uv_buf_t const*)',
        'node::(anonymous namespace)::Parser::OnRead',
        '(anonymous namespace)::Parser::OnRead',
        'Parser::OnRead',
        'OnRead',
      ],
    ],
    [
      '<alloc::vec::Vec<T> as core::ops::Drop>::drop',
      ['<alloc::vec::Vec<T> as core::ops::Drop>::drop', 'drop'],
    ],
    ['__libc_start_main@@GLIBC_2.34', ['__libc_start_main@@GLIBC_2.34']],
    ['operator<(A const&, B const&)', ['operator<(A const&, B const&)', 'operator<']],
    ['libfoo.so+0x1234', ['libfoo.so+0x1234', 'so+0x1234']],
    ['a<b', ['a<b']],
    ['', ['']],
    [')))', [')))']],
  ])('of %s', (name, forms) => {
    expect(shorten(name)).toEqual(forms)
  })
})

describe('splitName', () => {
  it.each([
    ['github.com/acme/price.(*Engine).Apply', 'github.com/acme/', 'price.(*Engine).Apply'],
    ['com.acme.search.rank.Reranker.rerank', 'com.acme.search.rank.', 'Reranker.rerank'],
    ['do_syscall_64', '', 'do_syscall_64'],
    ['std::vector<int>::push_back(int)', 'std::', 'vector<int>::push_back(int)'],
    ['a::b<c>::d<e>::f', '', 'a::b<c>::d<e>::f'],
  ])('of %s', (name, parent, own) => {
    expect(splitName(name)).toEqual([parent, own])
  })
})

describe('createLabels', () => {
  // Every character is 10 px wide.
  const fitTo = createLabels(
    () => 'acme::net::Socket::Write(char const*)',
    (text) => text.length * 10,
  )

  it.each([
    [400, 'acme::net::Socket::Write(char const*)'],
    [300, 'acme::net::Socket::Write'],
    [200, 'net::Socket::Write'],
    [130, 'Socket::Write'],
    [60, 'Write'],
    [49, 'Wri…'],
    [39, ''],
    [0, ''],
  ])('fits into %d px as %j', (room, label) => {
    expect(fitTo(0, room)).toBe(label)
  })
})

describe('createMeasure', () => {
  it('adds up ASCII and asks about anything else once', () => {
    const asked: string[] = []
    const measure = createMeasure((text) => {
      asked.push(text)
      return text.length * 7
    })
    const before = asked.length
    expect(measure('abc')).toBe(21)
    expect(measure('naïve')).toBe(35)
    expect(measure('naïve')).toBe(35)
    expect(asked.length - before).toBe(1)
  })
})

describe('visible', () => {
  it('marks what would break a line or turn a direction', () => {
    expect(visible('a\nb\u202ec\u0000')).toBe('a\ufffdb\ufffdc\ufffd')
    expect(visible('naïve 日本 👩‍🚀'.replace('\u200d', ''))).toBe('naïve 日本 👩🚀')
  })
})
