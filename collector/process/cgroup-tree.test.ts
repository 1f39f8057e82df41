import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CgroupTree } from './cgroup-tree.ts'

let mount: string

beforeEach(() => {
  mount = mkdtempSync(join(tmpdir(), 'cgroup-tree-'))
})

afterEach(() => rmSync(mount, { recursive: true }))

function makeCgroup(path: string): bigint {
  mkdirSync(mount + path, { recursive: true })
  return statSync(mount + path, { bigint: true }).ino
}

const treeOf = (directory: string) => new CgroupTree([{ hierarchy: 0, directory }])

test('finds the path of a cgroup by the inode of its directory', () => {
  const id = makeCgroup('/system.slice/nginx.service')
  const tree = treeOf(mount)
  expect(tree.pathOf(id)).toBe('/system.slice/nginx.service')
  expect(tree.pathOf(statSync(mount, { bigint: true }).ino)).toBe('/')
})

test('looks once per window for an id it does not know', () => {
  const tree = treeOf(mount)
  expect(tree.pathOf(1n)).toBeNull()
  const id = makeCgroup('/late')
  expect(tree.pathOf(id)).toBeNull()
  tree.refresh()
  expect(tree.pathOf(id)).toBe('/late')
})

test('keeps the name of a cgroup that was removed for the next window', () => {
  const id = makeCgroup('/gone')
  const tree = treeOf(mount)
  expect(tree.pathOf(id)).toBe('/gone')
  // Made before the other is removed: unlike the kernel's, a disk's inodes are used again.
  const later = makeCgroup('/later')
  rmSync(join(mount, 'gone'), { recursive: true })
  tree.refresh()
  expect(tree.pathOf(later)).toBe('/later')
  expect(tree.pathOf(id)).toBe('/gone')
})

test('knows nothing where no cgroups are mounted', () => {
  expect(new CgroupTree([]).pathOf(1n)).toBeNull()
})

test('an id says in which hierarchy of cgroup v1 it is, where inodes begin anew', () => {
  const inode = makeCgroup('/docker/abc')
  const tree = new CgroupTree([
    { hierarchy: 0, directory: join(mount, 'docker') },
    { hierarchy: 8, directory: mount },
  ])
  expect(tree.pathOf((8n << 48n) | inode)).toBe('/docker/abc')
  expect(tree.pathOf(inode)).toBe('/abc')
  expect(tree.pathOf((7n << 48n) | inode)).toBeNull()
})
