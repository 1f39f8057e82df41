import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { sectionOf } from './elf-section.ts'
import { requireRoot, temporaryDirectory } from './programs.ts'

const run = promisify(execFile)
const CHILD = fileURLToPath(new URL('open-sampler.ts', import.meta.url))
const BPF = fileURLToPath(new URL('../../bpf/', import.meta.url))
const directory = temporaryDirectory()

beforeEach(requireRoot)

const outcome = z.union([
  z.strictObject({ notes: z.array(z.string()), taken: z.number() }),
  z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }),
])

/** Opens a sampler in a process of its own, started through `prefix`. */
async function openThrough(prefix: readonly string[], options: object = {}) {
  const [command = '', ...args] = [...prefix, process.execPath, CHILD, JSON.stringify(options)]
  const { stdout } = await run(command, args)
  return outcome.parse(JSON.parse(stdout))
}

const capabilities = (...names: string[]) => [
  'setpriv',
  '--inh-caps=-all',
  `--bounding-set=${['-all', ...names.map((name) => `+${name}`)].join()}`,
]

describe('a machine that may not be sampled says why and what to do', () => {
  test('without any capability', async () => {
    expect(await openThrough(capabilities())).toEqual({
      code: 'not_privileged',
      message: 'Sampling all processes is not permitted: CAP_BPF and CAP_PERFMON missing.',
      hint: 'Run as root, or with CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_SYSLOG.',
    })
  })

  test('with one of the two capabilities', async () => {
    expect(await openThrough(capabilities('bpf'))).toMatchObject({
      code: 'not_privileged',
      message: 'Sampling all processes is not permitted: CAP_PERFMON missing.',
    })
  })

  test('without libbpf', async () => {
    expect(await openThrough([], { libbpf: 'libbpf-that-is-not-there.so.1' })).toEqual({
      code: 'libbpf_missing',
      message: 'The shared library libbpf-that-is-not-there.so.1 is not installed.',
      hint: 'Type: sudo apt-get install libbpf1 (Debian, Ubuntu) or sudo dnf install libbpf (Fedora).',
    })
  })

  test('in a PID namespace of its own', async () => {
    const failure = await openThrough(['unshare', '--pid', '--fork', '--mount-proc'])
    expect(failure).toMatchObject({ code: 'pid_namespace' })
    expect(failure).toMatchObject({ hint: expect.stringContaining('--pid=host') })
  })

  test('with an object whose bytes were changed', async () => {
    const objects = copyObjects('changed', (bytes) => {
      const at = bytes.length >> 1
      bytes[at] = (bytes[at] ?? 0) ^ 0xff
    })
    expect(await openThrough([], { objectDirectory: objects })).toMatchObject({
      code: 'bpf_object_damaged',
      message: expect.stringContaining('differs from its recorded hash'),
      hint: expect.stringContaining('sh bpf/build.sh'),
    })
  })

  test('with an object that is none, in the words of libbpf', async () => {
    const objects = copyObjects('none', (bytes) => bytes.fill(0, 0, 64), { record: true })
    expect(await openThrough([], { objectDirectory: objects })).toMatchObject({
      code: 'bpf_object_damaged',
      message: expect.stringMatching(/bpf_object__open_mem: .*(4001|4003|22)/),
    })
  })

  test('with a program the verifier refuses, in the words of the verifier', async () => {
    // A jump of the program to itself for ever: JA -1 in place of its first instruction.
    const objects = copyObjects(
      'refused',
      (bytes) => {
        const { offset } = sectionOf(bytes, 'perf_event')
        Buffer.from([0x05, 0, 0xff, 0xff, 0, 0, 0, 0]).copy(bytes, offset)
      },
      { record: true },
    )
    const failure = await openThrough([], { objectDirectory: objects })
    expect(failure).toMatchObject({ code: 'bpf_rejected' })
    expect('message' in failure && failure.message).toMatch(
      /PROG LOAD LOG.*(loop|back-edge|unreachable)/s,
    )
    expect('message' in failure && failure.message.length).toBeLessThan(5000)
  })
})

describe('a machine that may be sampled with less than everything', () => {
  test('CAP_BPF and CAP_PERFMON are enough', async () => {
    expect(await openThrough(capabilities('bpf', 'perfmon'))).toHaveProperty('taken')
  })

  test('without BTF the program that needs none is used, and a note says so', async () => {
    const hidden = 'mount -t tmpfs none /sys/kernel/btf && exec "$0" "$@"'
    const opened = await openThrough(['unshare', '--mount', 'sh', '-c', hidden])
    expect(opened).toHaveProperty('taken')
    expect('notes' in opened && opened.notes.join()).toContain('Without BTF')
  })
})

/** A copy of the checked-in objects with every one changed, and its hash recorded anew if asked. */
function copyObjects(
  name: string,
  change: (bytes: Buffer) => void,
  options: { record?: boolean } = {},
): string {
  const copy = join(directory, name)
  cpSync(join(BPF, 'objects'), copy, { recursive: true })
  let record = readFileSync(join(copy, 'RECORD'), 'utf8')
  for (const object of ['profile.bpf.o', 'profile-nobtf.bpf.o']) {
    const bytes = readFileSync(join(copy, object))
    change(bytes)
    writeFileSync(join(copy, object), bytes)
    const hash = createHash('sha256').update(bytes).digest('hex')
    if (options.record)
      record = record.replace(new RegExp(`^${object} .*$`, 'm'), `${object} ${hash}`)
  }
  writeFileSync(join(copy, 'RECORD'), record)
  return copy
}
