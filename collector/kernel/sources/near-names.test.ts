import { expect, test } from 'vitest'
import { nearNames } from './near-names.ts'

test('finds what differs in few letters, and what contains the name', () => {
  const names = ['vfs_read', 'vfs_readv', 'vfs_write', 'ksys_read', 'do_vfs_raed_later']
  expect(nearNames('vfs_raed', names)).toEqual(
    ['do_vfs_raed_later', 'vfs_read', 'vfs_readv'].slice(0, 2),
  )
})

test('names each once, the nearest first, five at most', () => {
  const names = [
    'read',
    'reads',
    'reader',
    'read',
    'readers',
    'readings',
    'a_long_name_to_read',
    'xyz',
  ]
  expect(nearNames('read', names)).toEqual(['read', 'reads', 'reader', 'readers', 'readings'])
})

test('knows when nothing is near', () => {
  expect(nearNames('nothing_like_it', ['vfs_read', 'malloc'])).toEqual([])
})
