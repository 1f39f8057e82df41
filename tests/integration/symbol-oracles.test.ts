import fs from 'node:fs'
import { expect, test } from 'vitest'
import { readMappings } from '../../collector/process/mappings.ts'
import { PF_X, PT_LOAD } from '../../collector/symbolize/elf.ts'
import {
  hasTool,
  type NmSymbol,
  readBuildIdByReadelf,
  readFdes,
  readNm,
  symbolizeByLlvm,
} from '../fixtures/programs/binutils.ts'
import { compileFixture } from '../fixtures/programs/build.ts'
import { type OpenedImage, openImage } from '../fixtures/programs/open-image.ts'

// Names and build ids of the real files of this machine, against binutils and LLVM.

const BINARIES: readonly (readonly [name: string, path: string])[] = [
  ['node', fs.realpathSync(process.execPath)],
  ['libc', findLibrary(/\/libc[.-]/)],
  ['libstdc++', findLibrary(/\/libstdc\+\+/)],
  ['sh', fs.realpathSync('/bin/sh')],
  ['bash', '/bin/bash'],
  ['python3', '/usr/bin/python3'],
  ['a C program', compileFixture('busy-fp')],
  ['a static C program', compileFixture('busy-static')],
  ['a stripped C program', compileFixture('busy-stripped')],
  ['a C++ program', compileFixture('shapes-nofp')],
].filter((binary): binary is [string, string] => fs.existsSync(binary[1] as string))

const SAMPLES = 3000

test.each(BINARIES)(
  'every address of %s has the name nm gives the innermost function',
  (_, path) => {
    const opened = openImage(path)
    const innermost = new InnermostFunction(readNm(path))
    const differences: string[] = []
    for (const vaddr of randomAddresses(opened)) {
      const expected = innermost.namesAt(vaddr)
      const got = opened.nameAt(vaddr)
      // nm lists no PLT stubs, and functions without a size reach to the next one.
      if (expected.length > 0 && !expected.includes(got))
        differences.push(`${vaddr.toString(16)}: ${got}, nm ${expected.join(' ')}`)
    }
    expect(differences).toEqual([])
  },
)

test.each(BINARIES)('what has no name in %s is placed at the start of its function', (_, path) => {
  const opened = openImage(path)
  const functions = new InnermostFunction(readFdes(path))
  const differences: string[] = []
  for (const vaddr of randomAddresses(opened)) {
    const got = opened.nameAt(vaddr)
    if (!got.startsWith('+0x')) continue
    const [expected = `+0x${vaddr.toString(16)}`] = functions.namesAt(vaddr)
    if (got !== expected) differences.push(`${vaddr.toString(16)}: ${got}, readelf ${expected}`)
  }
  expect(differences).toEqual([])
})

test.each(BINARIES)('the build id of %s is what readelf prints', (_, path) => {
  expect(openImage(path).image.elf.buildId).toBe(readBuildIdByReadelf(path))
})

// LLVM looks into debug information and separate debug files too, so only files without either, and
// it takes _init, which has no size, for the PLT behind it.
const LLVM_BINARIES = BINARIES.filter(([name]) => ['node', 'bash', 'python3'].includes(name))

test.skipIf(!hasTool('llvm-symbolizer')).each(LLVM_BINARIES)(
  'the names of %s are those of llvm-symbolizer (needs llvm-symbolizer)',
  (_, path) => {
    const opened = openImage(path)
    const vaddrs = randomAddresses(opened)
    const aliases = aliasesOf(readNm(path))
    const differences = symbolizeByLlvm(path, vaddrs)
      .slice(0, vaddrs.length)
      .filter((expected, i) => {
        const got = opened.nameAt(vaddrs[i] as number)
        // A function without a name is ?? for LLVM, a PLT stub too.
        if (expected === '??') return false
        return got !== expected && !aliases.get(expected)?.has(got)
      })
    expect(differences).toEqual([])
  },
)

/** Every function by brute force: the last one to begin of those that cover an address. */
class InnermostFunction {
  readonly #symbols: readonly NmSymbol[]
  readonly #byStart: ReadonlyMap<number, readonly NmSymbol[]>

  constructor(symbols: readonly NmSymbol[]) {
    this.#symbols = symbols.toSorted((a, b) => a.start - b.start)
    this.#byStart = Map.groupBy(symbols, ({ start }) => start)
  }

  namesAt(vaddr: number): string[] {
    let low = 0
    let high = this.#symbols.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#symbols[middle] as NmSymbol).start <= vaddr) low = middle + 1
      else high = middle
    }
    for (let i = low - 1; i >= 0; i--) {
      const symbol = this.#symbols[i] as NmSymbol
      // No function is longer than a megabyte.
      if (symbol.start < vaddr - (1 << 20)) return []
      if (vaddr < symbol.end) return (this.#byStart.get(symbol.start) ?? []).map(({ name }) => name)
    }
    return []
  }
}

function randomAddresses({ image }: OpenedImage): number[] {
  const [code] = image.elf.segments
    .filter(({ type, flags }) => type === PT_LOAD && (flags & PF_X) !== 0)
    .sort((a, b) => b.fileBytes - a.fileBytes)
  if (code === undefined) throw new Error('no code')
  let seed = 11
  return Array.from({ length: SAMPLES }, () => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    return code.vaddr + Math.floor((seed / 0x80000000) * code.fileBytes)
  })
}

function aliasesOf(symbols: readonly NmSymbol[]): Map<string, Set<string>> {
  const byStart = Map.groupBy(symbols, ({ start }) => start)
  const aliases = new Map<string, Set<string>>()
  for (const group of byStart.values()) {
    const names = new Set(group.map(({ name }) => name))
    for (const name of names) aliases.set(name, names)
  }
  return aliases
}

function findLibrary(pattern: RegExp): string {
  return readMappings(process.pid)?.list.find(({ path }) => pattern.test(path))?.path ?? ''
}
