import fs from 'node:fs'
import { expect, test } from 'vitest'
import { compileFixture } from '../fixtures/programs/build.ts'
import { openImageBytes } from '../fixtures/programs/open-image.ts'
import { makeElf } from '../fixtures/programs/tiny-elf.ts'

// Files come from containers: whatever is in them, the symbolizer answers and stays small.

const PROGRAM = fs.readFileSync(compileFixture('busy-exec'))
// Named as the C library, every part of the reader looks at it.
const PATH = '/lib/libc.so.6'
const VADDRS = [0, 0x1000, 0x1101, 0x400000, 0x401030, 0x401136, 0x401200, 2 ** 47, -1]

/** Reads an image with everything the symbolizer asks of it; true when it was one. */
function exercise(bytes: Buffer): boolean {
  let opened: ReturnType<typeof openImageBytes>
  try {
    opened = openImageBytes(bytes, PATH)
  } catch (error) {
    // Thrown by the helper for what is a value in the product: "not an ELF file".
    if (error instanceof Error && error.message.startsWith(`${PATH}: `)) return false
    throw error
  }
  for (const vaddr of [...VADDRS, opened.image.elf.entry]) {
    opened.nameAt(vaddr)
    opened.isThreadStart(vaddr)
  }
  expect(opened.image.bytes).toBeLessThan(10 * bytes.length + 200_000)
  return true
}

test('a program with a thousand sets of changed bytes is read or refused', () => {
  let seed = 99
  const random = (n: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    return Math.floor((seed / 2 ** 32) * n)
  }
  const sectionsAt = Number(PROGRAM.readBigUInt64LE(40))
  let read = 0
  for (let round = 0; round < 1000; round++) {
    const bytes = Buffer.from(PROGRAM)
    for (let change = random(8); change >= 0; change--) {
      // Mostly where the structure is: headers, the section table, and all the rest.
      const [from, length] = [
        [0, 64],
        [64, 800],
        [sectionsAt, bytes.length - sectionsAt],
        [0, bytes.length],
      ][random(4)] as [number, number]
      bytes[from + random(length)] = [0, 1, 0x7f, 0x80, 0xff, random(256)][random(6)] as number
    }
    if (exercise(bytes)) read++
  }
  expect(read).toBeGreaterThan(100)
})

test('a program cut at any length is read or refused', () => {
  for (let length = 0; length < PROGRAM.length; length += 61) exercise(PROGRAM.subarray(0, length))
})

test('numbers at the edge of what 64 bits hold, in every header field', () => {
  const edges = [0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]
  const sectionsAt = Number(PROGRAM.readBigUInt64LE(40))
  const fields = [
    ...Array.from({ length: 4 }, (_, i) => 24 + i * 8),
    ...Array.from({ length: 90 }, (_, i) => 64 + i * 8),
    ...Array.from({ length: 8 * 36 }, (_, i) => sectionsAt + i * 8),
  ]
  for (const at of fields)
    for (const edge of edges) {
      const bytes = Buffer.from(PROGRAM)
      if (at + 8 > bytes.length) continue
      bytes.writeBigUInt64LE(edge, at)
      exercise(bytes)
    }
})

test('a name without an end, of any bytes, is cut and cleaned', () => {
  const name = `\u001b[31m${'x'.repeat(30_000)}`
  const { image, source } = openImageBytes(
    makeElf({ symbols: [{ name, value: 0x1100, size: 4 }] }),
    PATH,
  )
  const found = image.nameAt(0x1100, () => source)
  if (found.kind !== 'name') throw new Error('no name')
  expect(found.name.length).toBeLessThanOrEqual(200)
  expect(found.systemName.length).toBeLessThanOrEqual(1000)
  expect(found.name).not.toContain('\u001b')
})
