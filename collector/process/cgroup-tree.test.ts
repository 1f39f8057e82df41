import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CgroupTree, findCgroup2Mount } from './cgroup-tree.ts'

let mount: string

beforeEach(() => {
  mount = mkdtempSync(join(tmpdir(), 'cgroup-tree-'))
})

afterEach(() => rmSync(mount, { recursive: true }))

function makeCgroup(path: string): bigint {
  mkdirSync(mount + path, { recursive: true })
  return statSync(mount + path, { bigint: true }).ino
}

test('finds the path of a cgroup by the inode of its directory', () => {
  const id = makeCgroup('/system.slice/nginx.service')
  const tree = new CgroupTree(mount)
  expect(tree.pathOf(id)).toBe('/system.slice/nginx.service')
  expect(tree.pathOf(statSync(mount, { bigint: true }).ino)).toBe('/')
})

test('looks once per window for an id it does not know', () => {
  const tree = new CgroupTree(mount)
  expect(tree.pathOf(1n)).toBeNull()
  const id = makeCgroup('/late')
  expect(tree.pathOf(id)).toBeNull()
  tree.refresh()
  expect(tree.pathOf(id)).toBe('/late')
})

test('keeps the name of a cgroup that was removed for the next window', () => {
  const id = makeCgroup('/gone')
  const tree = new CgroupTree(mount)
  expect(tree.pathOf(id)).toBe('/gone')
  // Made before the other is removed: unlike the kernel's, a disk's inodes are used again.
  const later = makeCgroup('/later')
  rmSync(join(mount, 'gone'), { recursive: true })
  tree.refresh()
  expect(tree.pathOf(later)).toBe('/later')
  expect(tree.pathOf(id)).toBe('/gone')
})

test('knows nothing where no cgroup2 is mounted', () => {
  expect(new CgroupTree(null).pathOf(1n)).toBeNull()
})

test('finds the mount of cgroup2 in mountinfo, not one of a part of it', () => {
  const mountinfo = [
    '26 23 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755',
    '35 26 0:30 /docker/abc /mnt/part rw,relatime - cgroup2 cgroup2 rw',
    '36 26 0:30 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw',
  ].join('\n')
  expect(findCgroup2Mount(mountinfo)).toBe('/sys/fs/cgroup/unified')
  expect(findCgroup2Mount('1 1 0:1 / / rw - ext4 /dev/vda rw')).toBeNull()
})
