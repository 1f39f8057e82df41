import { expect, test } from 'vitest'
import { BoundedMap } from './bounded-map.ts'

test('forgets what was used least lately', () => {
  const map = new BoundedMap<string, number>(2)
  map.set('a', 1)
  map.set('b', 2)
  map.get('a')
  map.set('c', 3)
  expect([...map]).toEqual([
    ['a', 1],
    ['c', 3],
  ])
})

test('setting a key again makes it the newest and does not count twice', () => {
  const map = new BoundedMap<string, number>(2)
  map.set('a', 1)
  map.set('b', 2)
  map.set('a', 3)
  expect(map.size).toBe(2)
  map.set('c', 4)
  expect(map.get('b')).toBeUndefined()
})
