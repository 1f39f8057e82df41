import fs from 'node:fs'
import { expect, test } from 'vitest'
import { MemorySource } from '../../collector/symbolize/byte-source.ts'
import { readElf } from '../../collector/symbolize/elf.ts'
import { buildTable } from '../../collector/unwind/build-table.ts'
import { findFrameSection } from '../../collector/unwind/frame-section.ts'
import type { UnwindTable } from '../../collector/unwind/table-builder.ts'
import { compileFixture } from '../fixtures/programs/build.ts'

// Files come from containers: whatever is in them, a table the kernel can walk by comes out, or none.

const PROGRAM = fs.readFileSync(compileFixture('busy-static'))
const MAX_BYTES = 1 << 20

async function exercise(bytes: Buffer): Promise<boolean> {
  const source = new MemorySource(bytes)
  const elf = readElf(source)
  if (elf.kind === 'fault') return false
  const table = await buildTable(source, elf, { maxBytes: MAX_BYTES, pause: () => undefined })
  if (table.kind === 'fault') return false
  check(table)
  return true
}

/** Whatever the kernel's walk relies on. */
function check({ words, rows, page0, pages }: UnwindTable): void {
  expect(words.byteLength).toBeLessThanOrEqual(MAX_BYTES + 16)
  expect(words.length).toBe((pages + rows) * 2)
  let fault = ''
  const pcOf = (value: number) => words[value * 2] as number
  const lastOf = (page: number) => words[page * 2 + 1] as number
  for (let row = pages + 1; row < pages + rows; row++)
    if (pcOf(row) <= pcOf(row - 1)) fault ||= `row ${row} is not behind the one before`
  for (let page = 0; page < pages; page++) {
    const row = pcOf(page)
    if (row < pages || row >= pages + rows) fault ||= `page ${page} begins outside the rows`
    else if (row < pages + rows - 1 && pcOf(row + 1) <= (page0 + page) * 4096)
      fault ||= `page ${page} begins too early`
    const next = page < pages - 1 ? pcOf(page + 1) : pages + rows - 1
    if (lastOf(page) !== next) fault ||= `page ${page} does not end where the next begins`
  }
  expect(fault).toBe('')
}

test('a program with a thousand sets of changed bytes in its tables gives a sound table or none', async () => {
  const source = new MemorySource(PROGRAM)
  const elf = readElf(source)
  const section = elf.kind === 'elf' ? findFrameSection(source, elf) : null
  if (section === null) throw new Error('no section')
  let seed = 7
  const random = (n: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    return Math.floor((seed / 2 ** 32) * n)
  }
  let built = 0
  for (let round = 0; round < 1000; round++) {
    const bytes = Buffer.from(PROGRAM)
    for (let change = random(200); change >= 0; change--)
      bytes[section.offset + random(section.sizeBytes)] = [0, 1, 0x7f, 0x80, 0xff, random(256)][
        random(6)
      ] as number
    if (await exercise(bytes)) built++
  }
  expect(built).toBeGreaterThan(100)
})

test('a program cut at any length gives a sound table or none', async () => {
  for (let length = 0; length < PROGRAM.length; length += 7919)
    await exercise(PROGRAM.subarray(0, length))
})

test('a table is found without section headers, and is the same', async () => {
  const program = fs.readFileSync(compileFixture('busy-nofp'))
  const bytes = Buffer.from(program)
  bytes.writeBigUInt64LE(0n, 40)
  const [whole, cut] = await Promise.all([build(program), build(bytes)])
  expect(cut).toEqual(whole)
})

test('a table beyond the bound is refused', async () => {
  const source = new MemorySource(PROGRAM)
  const elf = readElf(source)
  if (elf.kind === 'fault') throw new Error(elf.reason)
  const options = { maxBytes: 32 << 10, pause: () => undefined }
  expect(await buildTable(source, elf, options)).toEqual({ kind: 'fault', reason: 'too_large' })
})

async function build(bytes: Buffer) {
  const source = new MemorySource(bytes)
  const elf = readElf(source)
  if (elf.kind === 'fault') throw new Error(elf.reason)
  return buildTable(source, elf, { maxBytes: MAX_BYTES, pause: () => undefined })
}
