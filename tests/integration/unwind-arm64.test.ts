import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { MemorySource } from '../../collector/symbolize/byte-source.ts'
import { EM_AARCH64, readElf } from '../../collector/symbolize/elf.ts'
import { buildTable } from '../../collector/unwind/build-table.ts'
import { hasTool } from '../fixtures/programs/binutils.ts'
import { type OracleRow, readOracleRows } from '../fixtures/programs/readelf-frames.ts'
import { TableReader } from '../fixtures/programs/table-reader.ts'

// Tables of arm64 code, made by clang on any machine, against readelf.

const SOURCE = `
extern int use(void *, int);
int leaf(int n) { return n + 1; }
int calls(int n) { return use(&n, n) + 1; }
int small_frame(int n) { int a[40]; use(a, n); return a[n] + use(a, 1); }
int large_frame(int n) { int a[5000]; use(a, n); return a[n] + use(a, 1); }
int moving_frame(int n) { int *a = __builtin_alloca(n); use(a, n); return a[n] + use(a, 1); }
int many(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j) {
  if (!a) return 0;
  int r = use(&a, b) + use(&b, c) + use(&c, d) + use(&d, e) + use(&e, f);
  return r + g + h + i + j + use(&r, a);
}
`
const FLAGS: readonly (readonly string[])[] = [
  ['-O2'],
  ['-O2', '-fomit-frame-pointer'],
  ['-O0', '-fno-omit-frame-pointer'],
  ['-O2', '-mbranch-protection=pac-ret+leaf', '-fno-omit-frame-pointer'],
]

test.skipIf(!hasTool('clang')).each(FLAGS.map((flags) => [flags.join(' '), flags] as const))(
  'the rows of arm64 code compiled with %s are those of readelf (needs clang)',
  async (_, flags) => {
    const file = compile(flags)
    const source = new MemorySource(fs.readFileSync(file))
    const elf = readElf(source)
    if (elf.kind === 'fault') throw new Error(elf.reason)
    const built = await buildTable(source, elf, { maxBytes: 1 << 20, pause: () => undefined })
    if (built.kind === 'fault') throw new Error(built.reason)
    expect(built.unsupported).toBe(0)
    const table = new TableReader(built, EM_AARCH64)
    const oracle = readOracleRows(file)
    expect(oracle.length).toBeGreaterThan(8)
    for (const row of oracle)
      for (const vaddr of [row.start, row.end - 1])
        expect([vaddr, table.at(vaddr)]).toEqual([vaddr, describe(row)])
  },
)

function describe({ cfa, framePointer, returnAddress }: OracleRow): string {
  const isFar = (at: string) => /^c-\d+$/.test(at) && Number(at.slice(1)) < -1024
  const fp = isFar(framePointer) ? 'u' : framePointer
  // The frame-pointer step finds the caller of a frame that is too large for a row.
  if (isFar(returnAddress)) return 'none'
  const lr = returnAddress === 'u' ? 'lr' : returnAddress
  return `${cfa.replace('x29', 'rbp').replace('sp', 'rsp')} ${fp} ${lr}`
}

// Where a linker would put it; not at 0, where those it removed are.
const TEXT_VADDR = 0x1000

/** An object file whose functions have addresses: the linker's work, since there is none for arm64. */
function compile(flags: readonly string[]): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'flamewatch-arm64-'))
  const [source, object] = [path.join(directory, 'a.c'), path.join(directory, 'a.o')]
  fs.writeFileSync(source, SOURCE)
  const target = ['--target=aarch64-linux-gnu', '-c', '-fasynchronous-unwind-tables']
  execFileSync('clang', [...target, ...flags, '-o', object, source])
  const bytes = fs.readFileSync(object)
  relocate(bytes)
  fs.writeFileSync(object, bytes)
  return object
}

function relocate(bytes: Buffer): void {
  const elf = readElf(new MemorySource(bytes))
  if (elf.kind === 'fault') throw new Error(elf.reason)
  const frames = elf.sections.find(({ name }) => name === '.eh_frame')
  const relocations = elf.sections.find(({ name }) => name === '.rela.eh_frame')
  if (!frames || !relocations) throw new Error('no .eh_frame')
  for (let at = relocations.offset; at < relocations.offset + relocations.sizeBytes; at += 24) {
    const place = Number(bytes.readBigUInt64LE(at))
    const target = TEXT_VADDR + Number(bytes.readBigInt64LE(at + 16))
    bytes.writeInt32LE(target - place, frames.offset + place)
    // So that readelf does not add it again: R_AARCH64_NONE.
    bytes.writeUInt32LE(0, at + 8)
  }
}
