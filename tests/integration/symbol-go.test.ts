import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { readMappings } from '../../collector/process/mappings.ts'
import { MemorySource } from '../../collector/symbolize/byte-source.ts'
import { readElf } from '../../collector/symbolize/elf.ts'
import type { SourceLine } from '../../collector/symbolize/frame.ts'
import { findFunctionTable } from '../../collector/symbolize/go/function-table.ts'
import { type GoFunctions, loadGoFunctions } from '../../collector/symbolize/go/go-functions.ts'
import { MODULE } from '../../collector/symbolize/go/layout.ts'
import { findModule } from '../../collector/symbolize/go/module.ts'
import { Symbolizer } from '../../collector/symbolize/symbolizer.ts'
import { kindOfModule } from '../../infra/contract/profile.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { readChainsByLlvm } from '../fixtures/programs/binutils.ts'
import { compileGo, GO_FIXTURES, type GoFixture, goRelease } from '../fixtures/programs/build-go.ts'

// Names, files, lines and inlined calls of Go programs as Go's own runtime and LLVM tell them.

const children: ReturnType<typeof spawn>[] = []

afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

test.each(GO_FIXTURES)('every address of %s is where the runtime says', (fixture) => {
  const { go, source, text } = openGo(fixture)
  const differences: string[] = []
  const places = readPlaces(fixture, 61)
  expect(places.length).toBeGreaterThan(5000)
  for (const { offset, place } of places) {
    const [innermost] = go.find(text + offset, source)
    const got = innermost === undefined ? 'nothing' : show(innermost)
    // The runtime itself has no name for the function whose name happens to be the first of all.
    if (got !== place && !place.startsWith(' '))
      differences.push(`+0x${offset.toString(16)}: ${got}, runtime ${place}`)
  }
  expect(differences).toEqual([])
})

test('what is inlined is what the debug information says, call by call', () => {
  const { go, source, text } = openGo('go-full')
  const vaddrs = readPlaces('go-full', 127).map(({ offset }) => text + offset)
  const chains = readChainsByLlvm(compileGo('go-full'), vaddrs)
  const differences: string[] = []
  let compared = 0
  for (const [i, vaddr] of vaddrs.entries()) {
    const known = chains[i] ?? []
    // Padding between functions has no line, and code of the compiler's own no file.
    if (known.some(({ name, line }) => name === '' || line === 0)) continue
    const got = go.find(vaddr, source).map(show).join(' < ').replaceAll('·', '.')
    const expected = known.map((line) => show(asRuntime(line))).join(' < ')
    if (known.length > 1) compared++
    if (got !== expected) differences.push(`${vaddr.toString(16)}: ${got}, LLVM ${expected}`)
  }
  expect(compared).toBeGreaterThan(500)
  // The debug information of older Gos is beside the runtime's lines here and there: 1 in 2000.
  if (goRelease() < 22) expect(differences.length).toBeLessThan(vaddrs.length / 500)
  else expect(differences).toEqual([])
})

test('a running program is named with what it inlined, as Go', async () => {
  const file = compileGo('go-pie')
  const child = spawn(file, ['-'], { stdio: ['pipe', 'ignore', 'ignore'] })
  children.push(child)
  await once(child, 'spawn')
  const { bytes } = openGo('go-pie')
  const vaddr = findInlined('go-pie', 'main.add')
  const pid = child.pid as number
  const mappings = readMappings(pid)
  const mapping = mappings?.list.find(({ path }) => path === file)
  if (!mappings || mapping === undefined) throw new Error('not mapped')
  const elf = readElf(new MemorySource(bytes))
  const code =
    elf.kind === 'elf' ? elf.segments.find((s) => s.offset === mapping.offset) : undefined
  if (code === undefined) throw new Error('no code')
  const address = BigInt(mapping.start + vaddr - code.vaddr)
  const symbols = new Symbolizer({ cacheBytes: 1 << 20, log: silentLog() })
  const frame = symbols.user({ pid, mappings }, address, true)
  expect(frame).toMatchObject({ name: 'main.burn', address: BigInt(vaddr) })
  expect(kindOfModule(frame.mapping)).toBe('go')
  expect(frame.file).toMatch(/main\.go$/)
  expect(frame.inlined.map(({ name }) => name)).toEqual(['main.add', 'main.twice', 'main.four'])
  const written = fs.readFileSync('tests/fixtures/programs/go/main.go', 'utf8').split('\n')
  // Where a function begins, Go tells from 1.20 on.
  for (const line of [...frame.inlined, frame])
    if (goRelease() < 20) expect(line.startLine).toBe(0)
    else expect(written[line.startLine - 1]).toContain(`func ${line.name.replace('main.', '')}(`)
  expect(written[frame.line - 1]).toContain('p := four(')
})

test('a linker may leave the module empty and write it into relocations only', () => {
  const { go, source, text, bytes } = openGo('go-cgo-pie')
  const elf = readElf(source)
  const table = elf.kind === 'elf' ? findFunctionTable(source, elf) : null
  if (elf.kind === 'fault' || table === null) throw new Error('no Go tables')
  const pointers = Buffer.alloc(16)
  pointers.writeBigUInt64LE(BigInt(table.vaddr), 0)
  pointers.writeBigUInt64LE(BigInt(table.namesVaddr), 8)
  const at = bytes.indexOf(pointers)
  expect(at).toBeGreaterThan(0)
  const emptied = new MemorySource(Buffer.from(bytes).fill(0, at, at + MODULE.bytes))
  const other = loadGoFunctions(emptied, elf)
  for (const { offset } of readPlaces('go-cgo-pie', 4099))
    expect(other?.find(text + offset, emptied)).toEqual(go.find(text + offset, source))
})

test('ten thousand sets of changed bytes in Go tables are read or refused, within bounds', () => {
  const { bytes, text, position } = openGo('go-stripped')
  let seed = 7
  const random = (n: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    return Math.floor((seed / 2 ** 32) * n)
  }
  const changed = Buffer.from(bytes)
  const source = new MemorySource(changed)
  const elf = readElf(source)
  if (elf.kind === 'fault') throw new Error(elf.reason)
  let read = 0
  for (let round = 0; round < 10_000; round++) {
    const places: number[] = []
    for (let change = random(6); change >= 0; change--) {
      // One in sixteen in the header, the rest anywhere in the tables.
      const at = position + (random(16) === 0 ? random(72) : random(400_000))
      places.push(at)
      changed[at] = [0, 1, 0x7f, 0x80, 0xff, random(256)][random(6)] as number
    }
    const go = loadGoFunctions(source, elf)
    if (go !== null) {
      read++
      for (let i = 0; i < 3; i++) {
        const chain = go.find(text + random(1 << 20), source)
        expect(chain.length).toBeLessThanOrEqual(101)
      }
      expect(go.bytes).toBeLessThan(300_000)
    }
    for (const at of places) changed[at] = bytes[at] as number
  }
  expect(read).toBeGreaterThan(3000)
}, 180_000)

type OpenedGo = {
  readonly go: GoFunctions
  readonly source: MemorySource
  readonly bytes: Buffer
  /** Address of the first function. */
  readonly text: number
  /** Of the table of functions in the file. */
  readonly position: number
}

const opened = new Map<GoFixture, OpenedGo>()

function openGo(fixture: GoFixture): OpenedGo {
  const known = opened.get(fixture)
  if (known !== undefined) return known
  const bytes = fs.readFileSync(compileGo(fixture))
  const source = new MemorySource(bytes)
  const elf = readElf(source)
  if (elf.kind === 'fault') throw new Error(elf.reason)
  const table = findFunctionTable(source, elf)
  const module = table && findModule(source, elf, table)
  const go = loadGoFunctions(source, elf)
  if (table === null || module === null || go === null) throw new Error(`${fixture}: no Go tables`)
  const position = table.names - (table.namesVaddr - table.vaddr)
  const made = { go, source, bytes, text: module.text, position }
  opened.set(fixture, made)
  return made
}

type Place = { readonly offset: number; readonly place: string }

/** Every `step`-th address of its code, from its first function, as the program itself says. */
function readPlaces(fixture: GoFixture, step: number): Place[] {
  const output = execFileSync(compileGo(fixture), [String(step)], { maxBuffer: 1 << 28 })
  return Array.from(output.toString().trim().split('\n'), (line) => {
    const [offset, name, file, number] = line.split('\t') as [string, string, string, string]
    const known = file === '?' ? '' : file
    return {
      offset: Number.parseInt(offset, 16),
      place: show({ name, file: known, line: Number(number) }),
    }
  })
}

// Versions of modules are left out, see GoFunctions.
function show({ name, file, line }: Pick<SourceLine, 'name' | 'file' | 'line'>): string {
  return `${name} ${file.replace(/@v\d[^/]*(?=\/)/, '')}:${line}`
}

// Debug information writes out what a generic function was made for, and that one of assembly has no
// registers for arguments; the runtime does neither.
function asRuntime(line: SourceLine): SourceLine {
  const file = line.file.replace(/^(?:\.\/)+</, '<')
  return {
    ...line,
    name: line.name.replace(/\[.*\]|\.abi0$/, (text) => (text.startsWith('[') ? '[...]' : '')),
    file,
  }
}

/** An address at which a function of the program itself is inlined. */
function findInlined(fixture: GoFixture, name: string): number {
  const { go, source, text } = openGo(fixture)
  const own = readPlaces(fixture, 61).filter(({ place }) => place.startsWith('main.'))
  for (const { offset } of own)
    for (let vaddr = text + offset - 60; vaddr < text + offset + 61; vaddr++) {
      const [innermost, next] = go.find(vaddr, source)
      if (innermost?.name === name && next !== undefined) return vaddr
    }
  throw new Error(`${name} is inlined nowhere`)
}
