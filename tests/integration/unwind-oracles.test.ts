import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { readMappings } from '../../collector/process/mappings.ts'
import { MemorySource } from '../../collector/symbolize/byte-source.ts'
import { readElf } from '../../collector/symbolize/elf.ts'
import { readVdso } from '../../collector/symbolize/vdso.ts'
import { baseOf, buildTable } from '../../collector/unwind/build-table.ts'
import { compileFixture } from '../fixtures/programs/build.ts'
import { type OracleRow, readOracleRows } from '../fixtures/programs/readelf-frames.ts'
import { TableReader } from '../fixtures/programs/table-reader.ts'

// The unwind tables of the real files of this machine, against readelf.

const BINARIES: readonly (readonly [name: string, path: string])[] = [
  ['node', fs.realpathSync(process.execPath)],
  ['libc', findLibrary(/\/libc[.-]/)],
  ['libm', findLibrary(/\/libm[.-]/)],
  ['libstdc++', findLibrary(/\/libstdc\+\+/)],
  ['ld.so', findLibrary(/\/ld[.-]/)],
  ['libcrypto', '/usr/lib/x86_64-linux-gnu/libcrypto.so.3'],
  ['bash', '/bin/bash'],
  ['python3', '/usr/bin/python3'],
  ['a C program without frame pointers', compileFixture('busy-nofp')],
  ['a static C program', compileFixture('busy-static')],
  ['a C++ program', compileFixture('shapes-nofp')],
  ['the vdso', writeVdso()],
].filter((binary): binary is [string, string] => fs.existsSync(binary[1] as string))

test('there are at least eight binaries to compare', () => {
  expect(BINARIES.length).toBeGreaterThanOrEqual(8)
})

test.each(BINARIES)('the rows of %s are those of readelf', async (_, file) => {
  const { table, base } = await readTable(file)
  const oracle = readOracleRows(file)
  expect(oracle.length).toBeGreaterThan(0)
  const differences: string[] = []
  for (const row of oracle)
    for (const vaddr of [row.start, row.end - 1]) {
      const got = table.at(vaddr - base)
      if (!agree(got, row))
        differences.push(`${vaddr.toString(16)}: ${got}, readelf ${JSON.stringify(row)}`)
    }
  expect(differences).toEqual([])
})

function agree(got: string, row: OracleRow): boolean {
  const expected = describe(row)
  return got === expected || (row.cfa === 'exp' && got === 'none')
}

/** What the table should say; `none` where the walk does not follow. */
function describe({ cfa, framePointer, returnAddress, signalFrame }: OracleRow): string {
  if (signalFrame) return 'signal'
  if (returnAddress === 'u') return 'end'
  if (!/^(rsp[+-]|rbp[+-]|exp)/.test(cfa) || returnAddress !== 'c-8') return 'none'
  return `${cfa} ${/^r\d/.test(framePointer) || framePointer === 's' ? 'u' : framePointer}`
}

async function readTable(file: string): Promise<{ table: TableReader; base: number }> {
  const source = new MemorySource(fs.readFileSync(file))
  const elf = readElf(source)
  if (elf.kind === 'fault') throw new Error(`${file}: ${elf.reason}`)
  const table = await buildTable(source, elf, { maxBytes: 64 << 20, pause: () => undefined })
  if (table.kind === 'fault') throw new Error(`${file}: ${table.reason}`)
  return { table: new TableReader(table), base: baseOf(elf) }
}

function findLibrary(pattern: RegExp): string {
  return readMappings(process.pid)?.list.find(({ path }) => pattern.test(path))?.path ?? ''
}

function writeVdso(): string {
  const bytes = readVdso()
  if (bytes === null) return ''
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'flamewatch-vdso-')), 'vdso.so')
  fs.writeFileSync(file, bytes)
  return file
}
