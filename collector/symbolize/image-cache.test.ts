import { expect, test } from 'vitest'
import { makeElf } from '../../tests/fixtures/programs/tiny-elf.ts'
import { MemorySource } from './byte-source.ts'
import { readElf } from './elf.ts'
import { contentKey, type Image, loadImage } from './image.ts'
import { ImageCache } from './image-cache.ts'

function image(): Image {
  const source = new MemorySource(makeElf({ symbols: [{ name: 'f', value: 0x1100, size: 4 }] }))
  const elf = readElf(source)
  if (elf.kind === 'fault') throw new Error(elf.reason)
  return loadImage(source, elf, '/bin/f', [])
}

test('the least recently used image is forgotten when the bound is passed', () => {
  const one = image()
  const cache = new ImageCache(one.bytes * 2)
  cache.add('a', one)
  cache.add('b', image())
  cache.get('a')
  cache.add('c', image())
  expect(['a', 'b', 'c'].map((key) => cache.get(key) !== undefined)).toEqual([true, false, true])
  expect(cache.bytes).toBeLessThanOrEqual(one.bytes * 2)
})

test('one image is kept however big it is', () => {
  const cache = new ImageCache(1)
  cache.add('a', image())
  cache.add('b', image())
  expect(cache.get('a')).toBeUndefined()
  expect(cache.get('b')).toBeDefined()
})

test('between two windows the bound holds for the biggest image, too', () => {
  const cache = new ImageCache(1)
  cache.add('a', image())
  cache.shrink(1)
  expect(cache.bytes).toBe(0)
})

test('names that are read count into the bytes', () => {
  const one = image()
  const before = one.bytes
  expect(one.nameAt(0x1100, () => null)).toMatchObject({ kind: 'name', name: 'f' })
  expect(one.bytes).toBeGreaterThan(before)
})

test('a stripped file and its unstripped one have the same build id but different keys', () => {
  const [full, stripped] = [
    makeElf({ buildId: 'aabb', symbols: [{ name: 'f', value: 0x1100, size: 4 }] }),
    makeElf({ buildId: 'aabb' }),
  ].map((bytes) => {
    const source = new MemorySource(bytes)
    const elf = readElf(source)
    return elf.kind === 'elf' ? contentKey(source, elf) : ''
  })
  expect(full).toMatch(/^aabb:/)
  expect(full).not.toBe(stripped)
})
