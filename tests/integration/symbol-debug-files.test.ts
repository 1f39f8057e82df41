import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openRegular } from '../../collector/process/mapped-file.ts'
import { FileSource, MemorySource } from '../../collector/symbolize/byte-source.ts'
import { readElf } from '../../collector/symbolize/elf.ts'
import { loadImage } from '../../collector/symbolize/image.ts'
import { decompressXz } from '../../collector/symbolize/liblzma.ts'
import { readMiniDebugInfo } from '../../collector/symbolize/mini-debug-info.ts'
import { readAddresses, readBuildIdByReadelf } from '../fixtures/programs/binutils.ts'
import { compileFixture } from '../fixtures/programs/build.ts'

// Where distributions put the names they take out of their files.

let directory: string
// Where the program is as a process in a container sees it.
const SEEN = '/opt/busy/busy'

beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'flamewatch-debug-'))
})

afterAll(() => fs.rmSync(directory, { recursive: true }))

const FULL = compileFixture('busy-exec')
const FUNCTIONS = ['heavy', 'burn', 'main'] as const

test('names that were stripped come from xz in the file itself, as Fedora leaves them', () => {
  const file = stripInto('mini')
  expect(namesIn(file, [])).not.toEqual(FUNCTIONS)
  addMiniDebugInfo(file)
  expect(namesIn(file, [])).toEqual(FUNCTIONS)
})

test('a debug file is found by build id, in the root of the process or in ours', () => {
  const file = stripInto('by-build-id')
  const root = path.join(directory, 'container')
  const id = readBuildIdByReadelf(FULL)
  const place = path.join(root, 'usr/lib/debug/.build-id', id.slice(0, 2))
  expect(namesIn(file, [root])).not.toEqual(FUNCTIONS)
  fs.mkdirSync(place, { recursive: true })
  run('objcopy', '--only-keep-debug', FULL, path.join(place, `${id.slice(2)}.debug`))
  expect(namesIn(file, [root])).toEqual(FUNCTIONS)
  expect(namesIn(file, ['/nowhere', root])).toEqual(FUNCTIONS)
})

test.each([
  ['beside the program', 'opt/busy'],
  ['in .debug beside it', 'opt/busy/.debug'],
  ['below /usr/lib/debug', 'usr/lib/debug/opt/busy'],
])('a debug file is found by its link %s, when its checksum is right', (_, folder) => {
  const root = fs.mkdtempSync(path.join(directory, 'link-'))
  const debug = path.join(root, folder, 'busy.debug')
  fs.mkdirSync(path.dirname(debug), { recursive: true })
  // Without a build id there is only the checksum.
  const full = path.join(root, 'full')
  run('objcopy', '--remove-section=.note.gnu.build-id', FULL, full)
  run('objcopy', '--only-keep-debug', full, debug)
  const file = path.join(root, 'stripped')
  run('objcopy', '--strip-all', `--add-gnu-debuglink=${debug}`, full, file)
  expect(namesIn(file, [root])).toEqual(FUNCTIONS)
  fs.appendFileSync(debug, 'x')
  expect(namesIn(file, [root])).not.toEqual(FUNCTIONS)
})

test('a debug file with compressed sections gives the same names', () => {
  const file = stripInto('compressed')
  const id = readBuildIdByReadelf(FULL)
  const root = path.join(directory, 'zipped')
  const debug = path.join(root, 'usr/lib/debug/.build-id', id.slice(0, 2), `${id.slice(2)}.debug`)
  fs.mkdirSync(path.dirname(debug), { recursive: true })
  run('objcopy', '--only-keep-debug', '--compress-debug-sections=zlib', FULL, debug)
  expect(namesIn(file, [root])).toEqual(FUNCTIONS)
})

test('xz that is longer than allowed, cut or changed gives nothing, and takes no time', () => {
  const zeros = compress(Buffer.alloc(8 << 20))
  expect(zeros.length).toBeLessThan(10_000)
  expect(decompressXz(zeros, 1 << 20)).toBeNull()
  const text = Buffer.from('a symbol table\n'.repeat(50))
  const stream = compress(text)
  expect(decompressXz(stream, 1 << 20)).toEqual(text)
  for (let length = 0; length < stream.length; length++)
    expect(decompressXz(stream.subarray(0, length), 1 << 20)).toBeNull()
})

test('ten thousand sets of changed bytes in the symbols of the file itself are read or refused', () => {
  const file = stripInto('mutated')
  addMiniDebugInfo(file)
  const bytes = fs.readFileSync(file)
  const source = new MemorySource(bytes)
  const elf = readElf(source)
  if (elf.kind === 'fault') throw new Error(elf.reason)
  const section = elf.sections.find(({ name }) => name === '.gnu_debugdata')
  if (section === undefined) throw new Error('no .gnu_debugdata')
  const original = Buffer.from(bytes)
  let seed = 3
  const random = (n: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    return Math.floor((seed / 2 ** 32) * n)
  }
  let refused = 0
  for (let round = 0; round < 10_000; round++) {
    const places = Array.from({ length: 1 + random(4) }, () => random(section.sizeBytes))
    for (const at of places) bytes[section.offset + at] = random(256)
    const mini = readMiniDebugInfo(source, elf)
    if (mini === null) refused++
    for (const at of places) bytes[section.offset + at] = original[section.offset + at] as number
  }
  expect(refused).toBeGreaterThan(9_000)
  expect(readMiniDebugInfo(source, elf)).not.toBeNull()
})

/** The program without its symbols; of what it exports nothing is among FUNCTIONS. */
function stripInto(name: string): string {
  const file = path.join(directory, name)
  run('objcopy', '--strip-all', FULL, file)
  return file
}

/** What the scripts of Fedora's rpm do to a stripped file. */
function addMiniDebugInfo(file: string): void {
  const mini = `${file}.minidebug`
  const kept = [...readAddresses(FULL).keys()].map((name) => `--keep-symbol=${name}`)
  run('objcopy', '--only-keep-debug', '--strip-all', ...kept, FULL, mini)
  fs.writeFileSync(`${mini}.xz`, compress(fs.readFileSync(mini)))
  run('objcopy', `--add-section=.gnu_debugdata=${mini}.xz`, file)
}

function compress(bytes: Buffer): Buffer {
  return execFileSync('xz', ['-c'], { input: bytes, maxBuffer: 1 << 26 })
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: 'pipe' })
}

/** The names of FUNCTIONS as the symbolizer finds them, `roots` being where it looks for debug files. */
function namesIn(file: string, roots: readonly string[]): string[] {
  const opened = openRegular(file)
  if (opened.kind === 'fault') throw new Error(opened.reason)
  try {
    const source = new FileSource(opened.fd, opened.sizeBytes)
    const elf = readElf(source)
    if (elf.kind === 'fault') throw new Error(elf.reason)
    const image = loadImage(source, elf, SEEN, roots)
    const addresses = readAddresses(FULL)
    return FUNCTIONS.map((name) => {
      const at = (addresses.get(name)?.start ?? 0) + 4
      const found = image.nameAt(at, () => source)
      return found.kind === 'name' ? found.name : '-'
    })
  } finally {
    fs.closeSync(opened.fd)
  }
}
