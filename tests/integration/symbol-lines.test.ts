import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { encodeProfile } from '../../collector/batch/encode-profile.ts'
import { SampleMerger } from '../../collector/batch/sample-merger.ts'
import { type Mappings, readMappings } from '../../collector/process/mappings.ts'
import { MemorySource } from '../../collector/symbolize/byte-source.ts'
import { readElf, vaddrOf } from '../../collector/symbolize/elf.ts'
import { findLineTool } from '../../collector/symbolize/lines/line-tool.ts'
import { LINE_TOOLS } from '../../collector/symbolize/lines/line-tool-names.ts'
import { Symbolizer } from '../../collector/symbolize/symbolizer.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { createMetrics } from '../../infra/runtime/metrics.ts'
import { defaultOptions } from '../../infra/runtime/options.ts'
import { createIngest } from '../../ingest/main.ts'
import { ingestOptions } from '../../ingest/options.ts'
import { readByGoPprof, runGoPprof } from '../fixtures/go-pprof.ts'
import { readAddresses } from '../fixtures/programs/binutils.ts'
import { compileFixture } from '../fixtures/programs/build.ts'
import { createTestQuery, openTestStore } from '../fixtures/query-app.ts'

// Inlined functions and source lines of a program whose source says what they are.

const SOURCE = fs.readFileSync('tests/fixtures/programs/inlines.cc', 'utf8').split('\n')
const NAMES: Readonly<Record<string, string>> = {
  'kitchen::mix(unsigned int, unsigned int)': 'mix',
  'unsigned int kitchen::stir<unsigned int>(unsigned int, unsigned int)': 'stir',
  'kitchen::Cook::shake(unsigned int)': 'shake',
  serve: 'serve',
}
const CHAIN = ['mix', 'stir', 'shake', 'serve']

const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

test.each(LINE_TOOLS)('%s tells every call that was inlined, with its line', async (name) => {
  const { frames, stats } = await readLines(name)
  expect(stats?.runs).toEqual({ found: 1 })
  const depths = new Set<number>()
  for (const frame of frames) {
    const chain = [...frame.inlined, frame]
    const names = chain.map((line) => NAMES[line.name] ?? line.name)
    // From the innermost to serve, with none left out between them.
    expect(CHAIN.slice(-names.length)).toEqual(names)
    for (const [i, line] of chain.entries()) {
      expect(line.file).toMatch(/inlines\.cc$/)
      // Whoever called another stands on the line where it did.
      const written = SOURCE[line.line - 1] ?? ''
      if (i > 0) expect(written).toMatch(new RegExp(`// ${names[i - 1]}$`))
      if (line.startLine > 0) expect(SOURCE[line.startLine - 1]).toContain(`${names[i]}(`)
    }
    depths.add(names.length)
  }
  expect([...depths].sort()).toEqual([1, 2, 3, 4])
})

test('lines are asked for once, kept for the next window, and read from a file that was deleted', async () => {
  const { symbols, frames, ask, file } = await readLines('llvm-symbolizer', { deleted: true })
  expect(frames.some(({ inlined }) => inlined.length === 3)).toBe(true)
  fs.rmSync(file)
  symbols.refresh()
  expect(ask()).toEqual(frames)
  expect(await symbols.readLines()).toMatchObject({ runs: {} })
})

test('lines come from the debug file of a program that has symbols only', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'flamewatch-lines-'))
  const [file, debug] = [path.join(directory, 'inlines'), path.join(directory, 'inlines.debug')]
  execFileSync('objcopy', ['--only-keep-debug', compileFixture('inlines'), debug])
  const link = `--add-gnu-debuglink=${debug}`
  execFileSync('objcopy', ['--strip-debug', link, compileFixture('inlines'), file])
  const { frames, stats } = await readLines('llvm-symbolizer', { file })
  expect(stats?.runs).toEqual({ found: 1 })
  expect(frames.some(({ inlined }) => inlined.length === 3)).toBe(true)
  fs.rmSync(directory, { recursive: true })
})

test('without a tool there are names and no lines', async () => {
  const { process, address } = await startInlines(compileFixture('inlines'))
  const symbols = new Symbolizer({ cacheBytes: 1 << 24, log: silentLog() })
  const frame = symbols.user(process, address, true)
  expect(frame).toMatchObject({ name: 'serve', file: '', line: 0, inlined: [] })
  expect(await symbols.readLines()).toBeNull()
})

test('lines are in the batch, inlined functions in what the store gives back, as go tool pprof reads them', async () => {
  const { frames } = await readLines('llvm-symbolizer')
  const deepest = frames.find(({ inlined }) => inlined.length === 3)
  if (deepest === undefined) throw new Error('nothing is inlined')
  const merger = new SampleMerger()
  const labels = { service: 'kitchen', host: 'a' }
  merger.add(labels, [merger.indexOf(deepest)], 5)
  const now = Date.now()
  const time = { startMs: now - 10_000, endMs: now, periodNs: 1000 }
  const batch = encodeProfile(merger.frames, merger.samples, time)

  const lines = runGoPprof(batch, ['-traces', '-lines', '-symbolize=none', '-unit=ns'])
  for (const { name, line } of [...deepest.inlined, deepest])
    expect(lines).toMatch(new RegExp(`${NAMES[name]}\\b.*inlines\\.cc:${line}\\b`))

  await using store = await openTestStore()
  const options = defaultOptions(ingestOptions)
  const ingest = createIngest({ store, log: silentLog(), metrics: createMetrics(), options })
  const url = `/api/v1/profiles?service=kitchen&from=${now - 10_000}&to=${now}`
  const pushed = await ingest.app.request(url, { method: 'POST', body: Buffer.from(batch) })
  expect(pushed.status, await pushed.text()).toBe(200)
  const query = createTestQuery(store, { nowMs: now })
  const answer = await query.get('flamegraph', {
    query: '{service="kitchen"}',
    from: now - 60_000,
    to: now + 60_000,
    format: 'pprof',
  })
  const exported = new Uint8Array(await answer.arrayBuffer())
  const rows = readByGoPprof(exported, 'ns')
  expect(rows).toEqual(readByGoPprof(batch, 'ns'))
  expect(rows.size).toBe(4)
  expect(runGoPprof(exported, ['-traces', '-files', '-unit=ns'])).toContain('inlines.cc')
  await ingest.close()
})

async function readLines(
  name: (typeof LINE_TOOLS)[number],
  how: { readonly deleted?: true; readonly file?: string } = {},
) {
  const { deleted, file = compileFixture('inlines') + (deleted ? `.${process.pid}` : '') } = how
  if (deleted) fs.copyFileSync(compileFixture('inlines'), file)
  const lineTool = findLineTool([name])
  if (lineTool === null) throw new Error(`${name} is not installed.`)
  const { process: running, address, bytes } = await startInlines(file)
  if (deleted) {
    fs.renameSync(file, `${file}.away`)
    fs.copyFileSync('/bin/true', file)
  }
  const symbols = new Symbolizer({ cacheBytes: 1 << 24, lineTool, log: silentLog() })
  const ask = () =>
    Array.from({ length: bytes }, (_, i) => symbols.user(running, address + BigInt(i), true))
  ask()
  // On a busy machine the answer comes too late for the first window.
  let stats = await symbols.readLines()
  while (stats?.runs && Object.keys(stats.runs).length === 0) stats = await symbols.readLines()
  if (deleted) fs.rmSync(`${file}.away`)
  return { symbols, frames: ask(), ask, stats, file }
}

/** A program that runs, and where its function `serve` is. */
async function startInlines(file: string): Promise<{
  process: { pid: number; mappings: Mappings }
  address: bigint
  bytes: number
}> {
  const child = spawn(file, [], { stdio: ['pipe', 'ignore', 'ignore'] })
  children.push(child)
  await once(child, 'spawn')
  const pid = child.pid as number
  const mappings = readMappings(pid)
  const mapping = mappings?.list.find((mapped) => mapped.path === file)
  const elf = readElf(new MemorySource(fs.readFileSync(file)))
  const serve = readAddresses(file).get('serve')
  const vaddr = mapping && elf.kind === 'elf' ? vaddrOf(elf, mapping.offset) : null
  if (!mappings || !mapping || vaddr === null || !serve) throw new Error('serve is not mapped')
  return {
    process: { pid, mappings },
    address: BigInt(mapping.start - vaddr + serve.start),
    bytes: serve.end - serve.start,
  }
}
