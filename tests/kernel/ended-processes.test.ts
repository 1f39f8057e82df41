import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, copyFileSync, realpathSync, rmSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { Profile } from 'pprof-format'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WindowProcessor } from '../../collector/batch/window-processor.ts'
import { readOnlineCpus } from '../../collector/kernel/perf-event.ts'
import { openSampler } from '../../collector/kernel/sampler.ts'
import { SideBand } from '../../collector/kernel/side-band.ts'
import { openMapped } from '../../collector/process/mapped-file.ts'
import { recallProcess } from '../../collector/process/process-history.ts'
import { SideBandLog } from '../../collector/process/side-band-log.ts'
import { FileSource } from '../../collector/symbolize/byte-source.ts'
import { readElf } from '../../collector/symbolize/elf.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { compileFixture } from '../fixtures/programs/build.ts'
import { requireRoot, temporaryDirectory } from './programs.ts'

// What is known of processes of which nothing was read while they lived.

const directory = temporaryDirectory()
beforeEach(requireRoot)

let log: SideBandLog
let sideBand: SideBand

beforeEach(() => {
  log = new SideBandLog(1 << 20)
  sideBand = new SideBand(silentLog(), (bytes, view) => log.add(bytes, view))
  sideBand.rescan()
})
afterEach(() => sideBand.close())

async function runToEnd(path: string, ...args: readonly string[]): Promise<number> {
  const child = spawn(path, args, { stdio: 'ignore' })
  await once(child, 'exit')
  sideBand.read()
  return child.pid ?? -1
}

test('the kernel told what a process executed and mapped, by build id', async () => {
  const program = realpathSync('/bin/true')
  const pid = await runToEnd(program)
  const past = recallProcess(log, pid, 0n)
  expect(past?.parent).toBe(process.pid)
  const [executed] = past?.programs ?? []
  expect(executed).toMatchObject({ comm: 'true', executable: { path: program } })
  const paths = executed?.mappings.list.map(({ path }) => path) ?? []
  expect(paths).toEqual(
    expect.arrayContaining([program, expect.stringMatching(/libc[.-]/), '[vdso]']),
  )
  const files = executed?.mappings.list.filter(({ kind }) => kind === 'file') ?? []
  expect(files.length).toBeGreaterThan(1)
  for (const mapping of files) {
    const opened = openMapped(pid, mapping)
    if (opened.kind === 'fault') throw new Error(`${mapping.path}: ${opened.reason}`)
    const elf = readElf(new FileSource(opened.fd, opened.sizeBytes))
    closeSync(opened.fd)
    expect(elf).toMatchObject({ kind: 'elf', buildId: mapping.buildId })
  }
})

test('a process that executed one program after another has both, in order', async () => {
  const pid = await runToEnd('/bin/sh', '-c', 'exec /bin/true')
  const names = recallProcess(log, pid, 0n)?.programs.map(({ comm }) => comm)
  expect(names).toEqual(['sh', 'true'])
})

test('another file under the path of one that ended is not taken for it', async () => {
  const path = `${directory}/replaced`
  copyFileSync(realpathSync('/bin/true'), path)
  const pid = await runToEnd(path)
  rmSync(path)
  copyFileSync(realpathSync('/bin/false'), path)
  const executable = recallProcess(log, pid, 0n)?.programs[0]?.executable
  if (!executable) throw new Error('nothing is known of the process')
  expect(openMapped(pid, executable)).toMatchObject({ kind: 'fault', transient: true })
})

test('records the kernel had no room for are counted', async () => {
  // While this waits nobody reads. On one CPU, so that its ring of 128 KiB is full: six records each.
  const cpu = readOnlineCpus()[0]
  const loop = 'i=0; while [ $i -lt 600 ]; do /bin/true; i=$((i+1)); done'
  execFileSync('sh', ['-c', `taskset -cp ${cpu} $$; ${loop}`])
  sideBand.read()
  // The kernel says so before the next record for which there is room.
  await runToEnd('sh', '-c', `taskset -cp ${cpu} $$; /bin/true`)
  expect(sideBand.lost).toBeGreaterThan(0)
})

test('a program never seen before is named and labelled after it has ended', async () => {
  const settings = {
    ...{ host: 'h', hostRoot: '/', symbolCacheBytes: 1 << 24, unwindTableBytes: 1 << 20 },
    ...{ limits: { rawBytes: 1 << 24, bodyBytes: Infinity }, logLevel: 'silent' },
  }
  const processor = new WindowProcessor(settings, silentLog())
  // Nobody is told of processes, so none is read while it lives.
  const sampler = await openSampler({ frequencyHz: 99, log: silentLog(), niceness: 0 })
  try {
    const path = `${directory}/never-seen`
    copyFileSync(compileFixture('busy-fp'), path)
    await runToEnd(path, '500')
    const { parts } = await processor.build(await sampler.drain())
    const rows = parts
      .flatMap(({ body }) => readRows(body))
      .filter(({ labels }) => labels['comm'] === 'never-seen')
    const buildId = /Build ID: ([0-9a-f]+)/.exec(
      execFileSync('readelf', ['-n', path], { encoding: 'utf8' }),
    )?.[1]
    expect(rows.length).toBeGreaterThan(0)
    for (const { labels } of rows)
      expect(labels).toMatchObject({ service: 'never-seen', version: buildId?.slice(0, 12) })
    expect(rows.some(({ stack }) => stack.join().includes('burn,heavy,work,main'))).toBe(true)
    expect(rows.some(({ stack }) => stack.includes('[process ended]'))).toBe(false)
  } finally {
    await sampler.close()
    await processor.close()
  }
})

function readRows(body: Uint8Array) {
  const profile = Profile.decode(gunzipSync(body))
  const text = (index: number | bigint) => profile.stringTable.strings[Number(index)] ?? ''
  const names = new Map(profile.function.map(({ id, name }) => [id, text(name)]))
  const frames = new Map(
    profile.location.map(({ id, line }) => [id, names.get(line[0]?.functionId ?? 0) ?? '']),
  )
  return profile.sample.map(({ label, locationId }) => ({
    labels: Object.fromEntries(label.map(({ key, str }) => [text(key), text(str)])),
    stack: locationId.map((id) => frames.get(id) ?? ''),
  }))
}
