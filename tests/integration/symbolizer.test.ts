import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Mapping, type Mappings, readMappings } from '../../collector/process/mappings.ts'
import { MemorySource } from '../../collector/symbolize/byte-source.ts'
import { readElf, vaddrOf } from '../../collector/symbolize/elf.ts'
import { Symbolizer } from '../../collector/symbolize/symbolizer.ts'
import { readVdso } from '../../collector/symbolize/vdso.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { readAddresses, readBuildIdByReadelf } from '../fixtures/programs/binutils.ts'
import { compileFixture, scriptFixture } from '../fixtures/programs/build.ts'

let directory: string
const children: ChildProcess[] = []

beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'flamewatch-symbols-'))
})

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

afterAll(() => fs.rmSync(directory, { recursive: true }))

test('a function of a running program is named, by leaf and by return address', async () => {
  for (const fixture of ['busy-fp', 'busy-exec', 'busy-static'] as const) {
    const file = compileFixture(fixture)
    const { pid, mappings } = await start(file, ['-'])
    const symbols = symbolizer()
    const heavy = place(file, mappings, 'heavy')
    const frame = symbols.user({ pid, mappings }, heavy.start + 4n, true)
    expect(frame).toMatchObject({ name: 'heavy', systemName: 'heavy', mapping: file })
    expect(frame).toMatchObject({ buildId: readBuildIdByReadelf(file), threadStart: false })
    expect(frame.address).toBe(BigInt(heavy.vaddr + 4))
    // A call that is the last instruction returns to the first byte behind the function.
    expect(symbols.user({ pid, mappings }, heavy.end, false).name).toBe('heavy')
    expect(symbols.user({ pid, mappings }, heavy.end, true).name).not.toBe('heavy')
  }
})

test('C++ names are readable, and their mangled form is kept', async () => {
  const file = compileFixture('shapes-fp')
  const { pid, mappings } = await start(file, ['-'])
  const render = '_ZNK8geometry5SceneINS_6CircleELi3EE6renderEv'
  const at = place(file, mappings, render).start
  expect(symbolizer().user({ pid, mappings }, at, true)).toMatchObject({
    name: 'geometry::Scene<geometry::Circle, 3>::render() const',
    systemName: render,
  })
})

test('two processes of one file share their frames', async () => {
  const file = compileFixture('busy-fp')
  const [one, two] = [await start(file, ['-']), await start(file, ['-'])]
  const symbols = symbolizer()
  const frame = symbols.user(one, place(file, one.mappings, 'burn').start, true)
  expect(frame.name).toBe('burn')
  expect(symbols.user(two, place(file, two.mappings, 'burn').start, true)).toBe(frame)
  expect(symbols.stats().files.images).toBe(1)
})

test('a program that was deleted or replaced is still read as what runs', async () => {
  const file = path.join(directory, 'deleted')
  fs.copyFileSync(compileFixture('busy-fp'), file)
  const { pid, mappings } = await start(file, ['-'])
  const at = place(file, mappings, 'burn').start
  fs.copyFileSync('/bin/true', `${file}.new`)
  fs.renameSync(`${file}.new`, file)
  const frame = symbolizer().user({ pid, mappings: refreshed(pid) }, at, true)
  expect(frame).toMatchObject({ name: 'burn', mapping: file })
})

test('a process that has ended is named by the file it left', async () => {
  const file = compileFixture('busy-fp')
  const { pid, mappings, end } = await start(file, ['-'])
  await end()
  const at = place(file, mappings, 'burn').start
  expect(symbolizer().user({ pid, mappings }, at, true).name).toBe('burn')
})

test('without process or file there is a place in the module, and a name once there is one', async () => {
  const file = path.join(directory, 'gone')
  fs.copyFileSync(compileFixture('busy-fp'), file)
  const { pid, mappings, end } = await start(file, ['-'])
  const { start: at } = place(file, mappings, 'burn')
  await end()
  fs.renameSync(file, `${file}.away`)
  const symbols = symbolizer()
  const frame = symbols.user({ pid, mappings }, at, true)
  expect(frame.name).toMatch(/^gone\+0x[0-9a-f]+$/)
  expect(symbols.user({ pid, mappings }, at, true)).toBe(frame)
  fs.renameSync(`${file}.away`, file)
  symbols.refresh()
  expect(symbols.user({ pid, mappings }, at, true).name).toBe('burn')
})

test('addresses of nothing are one unknown frame', () => {
  const symbols = symbolizer()
  const mappings = refreshed(process.pid)
  const unknown = symbols.user({ pid: process.pid, mappings }, 16n, true)
  expect(unknown).toMatchObject({ name: '[unknown]', threadStart: false })
  expect(symbols.user({ pid: process.pid, mappings: null }, 0x401000n, true)).toBe(unknown)
  expect(symbols.user({ pid: process.pid, mappings }, 2n ** 64n - 1n, false)).toBe(unknown)
})

test('the vdso is named as its own symbol table says', () => {
  const mappings = refreshed(process.pid)
  const vdso = mappings.list.find(({ kind }) => kind === 'vdso')
  const image = readVdso()
  if (vdso === undefined || image === null) throw new Error('no vdso')
  const file = path.join(directory, 'vdso.so')
  fs.writeFileSync(file, image)
  const symbols = symbolizer()
  const functions = [...readAddresses(file).values()].filter(({ start, end }) => end > start)
  expect(functions.length).toBeGreaterThan(0)
  for (const { start } of functions) {
    const frame = symbols.user({ pid: process.pid, mappings }, BigInt(vdso.start + start), true)
    const aliases = functions.filter((other) => other.start === start).map(({ name }) => name)
    expect(aliases).toContain(frame.systemName)
    expect(frame.mapping).toBe('[vdso]')
  }
})

test('kernel addresses are named, or a note says why not', () => {
  const symbols = symbolizer()
  const lines = fs.readFileSync('/proc/kallsyms', 'latin1').split('\n')
  const line = lines.find((text) => / [tT] vfs_read$/.test(text)) ?? '0000000000000000 T vfs_read'
  const address = BigInt(`0x${line.slice(0, 16)}`)
  const frame = symbols.kernel(address + 5n, false)
  expect(frame.mapping).toBe('[kernel.kallsyms]')
  if (address === 0n) expect(symbols.notes()).toHaveLength(1)
  else expect([frame.name, symbols.notes()]).toEqual(['vfs_read', []])
})

test('JavaScript of a Node that writes a perf map is named with file and line', async () => {
  const script = scriptFixture('busy.mjs')
  const node = await start(process.execPath, ['--perf-basic-prof', script, '-'], directory)
  const map = `/tmp/perf-${node.pid}.map`
  // ~ is bytecode, which no processor executes.
  const line = await waitForLine(map, / JS:[\^+*]'?burn /)
  try {
    const [, at] = /^([0-9a-f]+) /.exec(line) as unknown as [string, string]
    const process = { pid: node.pid, mappings: refreshed(node.pid) }
    const frame = symbolizer().user(process, BigInt(`0x${at}`) + 1n, true)
    expect(frame).toMatchObject({ name: 'burn', file: script, line: 5, mapping: '[js]' })
  } finally {
    fs.rmSync(map, { force: true })
  }
})

test('a perf map of an earlier process of that number, or of another user, is not believed', async () => {
  const { pid, mappings } = await start(process.execPath, [scriptFixture('busy.mjs'), '-'])
  const jit = mappings.list.find(({ kind }) => kind === 'anonymous')
  if (jit === undefined) throw new Error('no anonymous code')
  const map = `/tmp/perf-${pid}.map`
  const address = BigInt(jit.start + 8)
  const symbols = symbolizer()
  const name = () => {
    symbols.refresh()
    return symbols.user({ pid, mappings }, address, true).name
  }
  try {
    fs.writeFileSync(map, `${jit.start.toString(16)} 100 planted\n`)
    expect(name()).toBe('planted')
    fs.appendFileSync(
      map,
      `${jit.start.toString(16)} 10 compiled again\n${jit.start.toString(16)} 10 not yet who`,
    )
    expect(name()).toBe('compiled again')
    fs.appendFileSync(map, 'le\n')
    expect(name()).toBe('not yet whole')
    fs.utimesSync(map, 1000, 1000)
    expect(name()).toBe('[jit]')
    fs.utimesSync(map, new Date(), new Date())
    expect(name()).toBe('not yet whole')
    if (process.getuid?.() === 0) {
      fs.chownSync(map, 12345, 12345)
      expect(name()).toBe('[jit]')
    }
  } finally {
    fs.rmSync(map, { force: true })
  }
})

test('the cache stays within its bound and names stay right', async () => {
  const file = compileFixture('busy-fp')
  const busy = await start(file, ['-'])
  const own = { pid: process.pid, mappings: refreshed(process.pid) }
  const symbols = symbolizer(200_000)
  for (let window = 0; window < 3; window++) {
    symbols.refresh()
    expect(symbols.stats().files.bytes).toBeLessThanOrEqual(200_000)
    for (const mapping of own.mappings.list)
      for (let at = mapping.start; at < mapping.end && at < mapping.start + 9999; at += 333)
        symbols.user(own, BigInt(at), true)
    const burn = place(file, busy.mappings, 'burn').start
    expect(symbols.user(busy, burn, true).name).toBe('burn')
  }
})

test('no file stays open once the turn is over', async () => {
  const symbols = symbolizer()
  const own = { pid: process.pid, mappings: refreshed(process.pid) }
  const files = own.mappings.list.filter(({ kind }) => kind === 'file')
  const mapped = new Set(files.map(({ path }) => path))
  const open = () =>
    fs.readdirSync('/proc/self/fd').filter((fd) => mapped.has(readLink(`/proc/self/fd/${fd}`)))
  for (const mapping of own.mappings.list) symbols.user(own, BigInt(mapping.start + 100), true)
  expect(open().length).toBeGreaterThan(0)
  await setImmediate()
  await setImmediate()
  expect(open()).toEqual([])
})

function readLink(link: string): string {
  try {
    return fs.readlinkSync(link)
  } catch {
    return ''
  }
}

function symbolizer(cacheBytes = 32 << 20): Symbolizer {
  return new Symbolizer({ cacheBytes, log: silentLog() })
}

type Started = { pid: number; mappings: Mappings; end: () => Promise<void> }

/** Starts a program and waits until it runs its own code. */
async function start(file: string, args: string[], cwd = directory): Promise<Started> {
  const child = spawn(file, args, { cwd, stdio: ['pipe', 'ignore', 'inherit'] })
  children.push(child)
  await once(child, 'spawn')
  const pid = child.pid as number
  await waitUntil(() => (cpuTicks(pid) >= 2 ? true : null))
  return {
    pid,
    mappings: refreshed(pid),
    end: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

function refreshed(pid: number): Mappings {
  const mappings = readMappings(pid)
  if (mappings === null) throw new Error(`process ${pid} has no mappings`)
  return mappings
}

function cpuTicks(pid: number): number {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[11])
}

async function waitForLine(file: string, pattern: RegExp): Promise<string> {
  return await waitUntil(() => {
    const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''
    return text.split('\n').findLast((line) => pattern.test(line)) ?? null
  })
}

async function waitUntil<T>(condition: () => T | null): Promise<T> {
  for (;;) {
    const value = condition()
    if (value !== null) return value
    await setTimeout(10)
  }
}

/** Where a function of `file` lies in a process, by nm and by the mapping of its address. */
function place(file: string, mappings: Mappings, name: string) {
  const symbol = readAddresses(fs.existsSync(file) ? file : compileFixture('busy-fp')).get(name)
  if (symbol === undefined) throw new Error(`${file} has no ${name}`)
  const bias = biasOf(file, mappings)
  return {
    vaddr: symbol.start,
    start: BigInt(symbol.start + bias),
    end: BigInt(symbol.end + bias),
  }
}

function biasOf(file: string, mappings: Mappings): number {
  const mapping = mappings.list.find((m): m is Mapping => m.path === file)
  if (mapping === undefined) throw new Error(`${file} is not mapped`)
  const elf = readElf(new MemorySource(fs.readFileSync(file)))
  const vaddr = elf.kind === 'elf' ? vaddrOf(elf, mapping.offset) : null
  if (vaddr === null) throw new Error(`${file} has no code at ${mapping.offset}`)
  return mapping.start - vaddr
}
