import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { RIGHTS } from '../../collector/rights.ts'
import { unaccounted } from '../../infra/contract/account.ts'
import { readRows } from '../fixtures/batch-rows.ts'
import { BatchSink } from '../fixtures/batch-sink.ts'
import { eventually } from '../fixtures/eventually.ts'
import { compileFixture, scriptFixture } from '../fixtures/programs/build.ts'
import { requireRoot } from './programs.ts'

// `flamewatch collect` with the rights its README names and no others, beside processes of other users.

const LAUNCHER = fileURLToPath(new URL('../../infra/cli/flamewatch.sh', import.meta.url))
const NOBODY = 65_534
// Two users whom no /etc/passwd needs to know.
const ALICE = 64_001
const BOB = 64_002
// Other processes of this machine may have any name.
const [CHECKOUT, RENAMED, ORDERS, PRIVATE] = ['co', 're', 'or', 'pr'].map(
  (name) => `${name}-${process.pid}`,
) as [string, string, string, string]
// Unwind tables of Python take their time where many others want the processor, and this collector may
// not go before them.
const PATIENCE_MS = 150_000

let directory: string
let sink: BatchSink
let children: ChildProcess[]

beforeEach(requireRoot)
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'least-rights-'))
  chmodSync(directory, 0o711)
  sink = new BatchSink()
  children = []
  await sink.listen()
})
afterEach(async () => {
  for (const child of children) await end(child, 'SIGKILL')
  await sink?.close()
  rmSync(directory, { recursive: true })
})

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal)
    await once(child, 'exit')
  }
  return child.exitCode
}

type Collector = { readonly child: ChildProcess; readonly said: () => string }

/** A collector as `uid`, with `rights` (names without CAP_) and no way to get others. */
function collect(
  uid: number,
  rights: readonly string[],
  options: readonly string[] = [],
): Collector {
  const spool = join(directory, 'spool')
  mkdirSync(spool)
  chownSync(spool, uid, uid)
  const held = rights.map((name) => `+${name}`).join()
  const [command = '', ...args] = [
    ...['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--no-new-privs'],
    ...[`--bounding-set=-all,${held}`, `--inh-caps=-all,${held}`, `--ambient-caps=${held}`],
    ...[
      'sh',
      LAUNCHER,
      'collect',
      '--server',
      sink.url,
      '--spool',
      spool,
      '--window',
      '1s',
      ...options,
    ],
  ]
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  children.push(child)
  let text = ''
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return { child, said: () => text }
}

function startAs(uid: number, command: string, args: readonly string[], env = {}): ChildProcess {
  const child = spawn(command, args, {
    ...{ uid, gid: uid, env: { ...process.env, ...env } },
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  children.push(child)
  return child
}

/** A copy that only `uid` may read, in a folder only `uid` may enter. */
function privateCopy(file: string, uid: number, name: string): string {
  const home = join(directory, name)
  mkdirSync(home, { mode: 0o700 })
  const copy = join(home, name)
  copyFileSync(file, copy)
  chmodSync(copy, 0o700)
  for (const path of [home, copy]) chownSync(path, uid, uid)
  return copy
}

const rowsOf = (service: string) =>
  sink
    .sorted()
    .flatMap(readRows)
    .filter(({ labels }) => labels['service'] === service)
/** The last samples of the service, however many windows they took, reach the start of their thread. */
function isWhole(service: string): boolean {
  let samples = 0
  for (const batch of sink.sorted().reverse()) {
    const rows = readRows(batch).filter(({ labels }) => labels['service'] === service)
    if (rows.some(({ stack }) => stack.at(-1) !== '_start')) return false
    samples += rows.reduce((sum, row) => sum + row.samples, 0)
    if (samples >= 20) return true
  }
  return false
}

function expectExactAccounts(): void {
  expect(sink.faults).toEqual([])
  for (const batch of sink.sorted()) {
    const { account } = batch.headers
    expect(unaccounted(account)).toBe(0)
    expect(readRows(batch).reduce((sum, { samples }) => sum + samples, 0)).toBe(account.kept)
  }
}

test(
  'six capabilities of a user without others name processes of all users, whole and exactly',
  async () => {
    const checkout = privateCopy(compileFixture('busy-nofp'), ALICE, CHECKOUT)
    const replaced = privateCopy(compileFixture('busy-nofp'), BOB, 'replaced')
    startAs(ALICE, checkout, ['-'])
    startAs(BOB, replaced, ['-'], { OTEL_SERVICE_NAME: RENAMED })
    rmSync(replaced)
    startAs(0, 'python3', [privateCopy(scriptFixture('busy.py'), 0, `${ORDERS}.py`), '-'])
    const names = RIGHTS.map(({ capability }) => capability.slice('CAP_'.length).toLowerCase())
    const { child, said } = collect(NOBODY, names)
    const services = [CHECKOUT, RENAMED, ORDERS]
    // Their first samples are taken before their unwind tables are there.
    await eventually('whole stacks of all', async () => services.every(isWhole), PATIENCE_MS)
    expect(await end(child, 'SIGTERM')).toBe(0)

    expect(said()).not.toContain('is missing')
    expectExactAccounts()
    for (const service of [CHECKOUT, RENAMED])
      for (const { labels } of rowsOf(service)) expect(labels['version']).toMatch(/^[0-9a-f]{12}$/)
    for (const service of [CHECKOUT, RENAMED]) {
      const burning = rowsOf(service).map(({ stack }) => stack.join())
      expect(burning).toContainEqual(expect.stringMatching(/^burn,heavy,work,main,.*_start$/))
    }
    // The sampler's own reading of the maps is in the kernel, and so named.
    const kernel = sink
      .sorted()
      .flatMap(readRows)
      .filter(({ labels }) => labels['service'] === 'kernel')
    for (const { stack } of kernel) expect(stack).not.toContain('[kernel]')
  },
  2 * PATIENCE_MS,
)

test('what missing capabilities cost is said at start and in the batches', async () => {
  startAs(ALICE, privateCopy(compileFixture('busy-nofp'), ALICE, PRIVATE), ['-'])
  const { child, said } = collect(0, ['bpf', 'perfmon'], ['--unwind', 'frame-pointers'])
  await eventually('samples', async () => rowsOf(PRIVATE).length >= 2)
  expect(await end(child, 'SIGTERM')).toBe(0)

  for (const right of ['SYS_PTRACE', 'SYSLOG', 'DAC_READ_SEARCH', 'CHECKPOINT_RESTORE'])
    expect(said()).toMatch(new RegExp(`^flamewatch: CAP_${right} is missing: .*\\.$`, 'm'))
  expect(said()).toContain('sudo setpriv')
  expectExactAccounts()
  for (const { headers } of sink.sorted())
    expect(headers.notes.join()).toContain('CAP_SYS_PTRACE is missing')
  for (const { labels } of rowsOf(PRIVATE)) expect(labels['version']).toBe('unknown')
})
