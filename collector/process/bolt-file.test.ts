import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { MemorySource } from '../symbolize/byte-source.ts'
import { readBoltBucket } from './bolt-file.ts'

// Written by bbolt itself: tests/fixtures/containers/containerd-database.go.
const RECORDED = new URL('../../tests/fixtures/containers/containerd-meta.db.gz', import.meta.url)
const bytes = gunzipSync(readFileSync(RECORDED))
const containerId = (n: number) => (0xc0 * 2 ** 20 + n).toString(16).padStart(64, '0')
const read = (file: Buffer, ...path: string[]) => readBoltBucket(new MemorySource(file), path)

test('finds every bucket of a database of many pages, and none that was deleted', () => {
  for (let n = 0; n < 120; n++) {
    const labels = read(bytes, 'v1', 'k8s.io', 'containers', containerId(n), 'labels')
    expect(labels?.get('io.kubernetes.pod.name') ?? null).toBe(n < 20 ? null : `service-${n}-7d9f`)
  }
})

test('tells the values of a bucket and leaves out the buckets in it', () => {
  const container = read(bytes, 'v1', 'k8s.io', 'containers', containerId(50))
  expect([...(container?.keys() ?? [])]).toEqual(['image', 'spec'])
  expect(container?.get('image')).toBe('registry.example/shop/service-50:latest')
  expect(container?.get('spec')).toHaveLength(6_000)
})

test('knows no bucket that is not there, nor one that is a value', () => {
  expect(read(bytes, 'v1', 'moby')).toBeNull()
  expect(read(bytes, 'v1', 'k8s.io', 'containers', containerId(50), 'image')).toBeNull()
})

test('goes by the other meta page when the last was not written wholly', () => {
  for (const page of [0, 1]) {
    const torn = Buffer.from(bytes)
    torn.fill(0xff, page * 4096 + 60, page * 4096 + 72)
    expect(read(torn, 'v1', 'k8s.io')).not.toBeNull()
  }
})

test('answers of any damaged file, and stays within it', () => {
  let seed = 1
  const random = (below: number) => {
    seed = (seed * 48_271) % 0x7fffffff
    return seed % below
  }
  for (let round = 0; round < 500; round++) {
    const damaged = Buffer.from(
      bytes.subarray(0, round % 5 === 0 ? random(bytes.length) : undefined),
    )
    for (let n = 0; n < 200 && damaged.length > 8192; n++)
      damaged[8192 + random(damaged.length - 8192)] = random(256)
    const labels = read(damaged, 'v1', 'k8s.io', 'containers', containerId(50), 'labels')
    expect(labels === null || labels instanceof Map).toBe(true)
  }
})

test('a page that names itself as its child is not followed for ever', () => {
  const circle = Buffer.alloc(4 * 4096)
  bytes.copy(circle, 0, 0, 2 * 4096)
  for (const page of [2, 3]) {
    circle.writeUInt16LE(0x01, page * 4096 + 8)
    circle.writeUInt16LE(200, page * 4096 + 10)
    for (let n = 0; n < 200; n++) circle.writeBigUInt64LE(2n, page * 4096 + 16 + n * 16 + 8)
  }
  expect(() => read(circle)).not.toThrow()
  expect(() => read(circle, 'v1')).not.toThrow()
})
