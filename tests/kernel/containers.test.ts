import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSampler } from '../../collector/kernel/sampler.ts'
import { findCgroupMounts } from '../../collector/process/cgroup-mounts.ts'
import { CgroupTree } from '../../collector/process/cgroup-tree.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { readRows } from '../fixtures/batch-rows.ts'
import { BatchSink } from '../fixtures/batch-sink.ts'
import { CONTAINERS, writeContainerHost } from '../fixtures/containers/container-host.ts'
import { ticksOf } from '../fixtures/cpu-ticks.ts'
import { eventually } from '../fixtures/eventually.ts'
import { compileFixture } from '../fixtures/programs/build.ts'
import { requireRoot } from './programs.ts'
import { countOf, rowsOf } from './windows.ts'

// Processes in real cgroups, named as the runtimes name them, and the files those runtimes write.

const LAUNCHER = fileURLToPath(new URL('../../infra/cli/flamewatch.sh', import.meta.url))
const BUSY = compileFixture('busy-fp')

// Ten programs that burn, beside whatever else the machine does.
const PATIENCE_MS = 150_000

let directory: string
let sink: BatchSink
let children: ChildProcess[]
let cgroups: string[]

beforeEach(requireRoot)
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'containers-'))
  sink = new BatchSink()
  children = []
  cgroups = []
})
afterEach(async () => {
  for (const child of children) await end(child, 'SIGKILL')
  await sink?.close()
  // The innermost first: the kernel takes no cgroup away that has others in it.
  for (const cgroup of cgroups.reverse())
    await eventually(`${cgroup} is empty`, async () => removeCgroup(cgroup))
  rmSync(directory, { recursive: true })
})

function removeCgroup(path: string): boolean {
  try {
    rmdirSync(path)
    return true
  } catch (error) {
    // EBUSY while the last process of it is being taken down.
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error
    return false
  }
}

function makeCgroup(mount: string, path: string): string {
  let cgroup = join(mount, `flamewatch-test-${process.pid}`)
  for (const part of ['', ...path.split('/').slice(1)]) {
    cgroup = join(cgroup, part)
    if (cgroups.includes(cgroup)) continue
    mkdirSync(cgroup)
    cgroups.push(cgroup)
  }
  return cgroup
}

function mountOf(hierarchy: (number: number) => boolean): string | null {
  return findCgroupMounts().find((mount) => hierarchy(mount.hierarchy))?.directory ?? null
}

async function startIn(cgroup: string): Promise<ChildProcess> {
  const script = 'echo $$ >"$0/cgroup.procs" && echo in && exec "$1" -'
  const child = spawn('sh', ['-c', script, cgroup, BUSY], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  await once(child.stdout, 'data')
  return child
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}

test(
  'processes in containers of every runtime have the labels their runtimes tell of',
  async () => {
    const mount = mountOf((number) => number === 0)
    if (mount === null) throw new Error('cgroup2 is not mounted on this machine')
    writeContainerHost(directory)
    await sink.listen()
    const spool = join(directory, 'spool')
    const places = ['--spool', spool, '--host-root', directory, '--server', sink.url]
    const collector = spawn('sh', [LAUNCHER, 'collect', '--window', '1s', ...places], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    children.push(collector)
    await eventually('a first batch', async () => sink.batches.size > 0, PATIENCE_MS)
    const processes: ChildProcess[] = []
    for (const container of CONTAINERS)
      processes.push(await startIn(makeCgroup(mount, container.cgroup)))
    const seen = sink.batches.size
    await eventually('two windows of all', async () => sink.batches.size >= seen + 3, PATIENCE_MS)
    for (const child of processes) await end(child, 'SIGKILL')
    await end(collector, 'SIGTERM')

    const found = sink
      .sorted()
      .flatMap(readRows)
      .map((row) => row.labels)
    for (const { labels } of CONTAINERS) {
      const { container = labels['service'], pod } = labels
      const own = found.filter((one) => one['container'] === container && one['pod'] === pod)
      expect(own).toContainEqual(expect.objectContaining(labels))
    }
    expect(sink.faults).toEqual([])
  },
  2 * PATIENCE_MS,
)

/** Paths of the cgroups in the samples of a process that ran in `cgroup`, looked up after its death. */
async function sampleAndKill(cgroup: string): Promise<(string | null)[]> {
  const sampler = await openSampler({ frequencyHz: 499, log: silentLog(), unwind: 'tables' })
  try {
    const child = await startIn(cgroup)
    const pid = child.pid ?? -1
    await eventually('some CPU time', async () => ticksOf(pid) >= 5)
    // The window is read after the process is gone.
    await end(child, 'SIGKILL')
    const window = await sampler.drain()
    expect(countOf(window, pid)).toBeGreaterThan(0)
    const tree = new CgroupTree(findCgroupMounts())
    return rowsOf(window, pid).map((row) => tree.pathOf(window.cgroupId[row] ?? 0n))
  } finally {
    await sampler.close()
  }
}

test('the cgroup of a process that has died is found by the id in its samples', async () => {
  const mount = mountOf((number) => number === 0)
  if (mount === null) throw new Error('cgroup2 is not mounted on this machine')
  const cgroup = makeCgroup(mount, `/docker/${'d'.repeat(64)}`)
  expect(await sampleAndKill(cgroup)).toContain(cgroup.slice(mount.length))
})

test('so is that of a v1 hierarchy, where a process is in the root of v2', async (context) => {
  const hierarchy = hierarchyOf('pids')
  const mount = mountOf((number) => number === hierarchy)
  // Hosts with cgroup2 alone have no such hierarchy: its controllers cannot be mounted beside it.
  if (hierarchy === 0 || mount === null) return context.skip('no v1 hierarchy of pids is mounted')
  const cgroup = makeCgroup(mount, `/docker/${'e'.repeat(64)}`)
  expect(await sampleAndKill(cgroup)).toContain(cgroup.slice(mount.length))
})

/** Number of the v1 hierarchy of a controller; 0 where v2 has it. */
function hierarchyOf(controller: string): number {
  const lines = readFileSync('/proc/self/cgroup', 'latin1').split('\n')
  const line = lines.find((one) => one.split(':')[1]?.split(',').includes(controller))
  return Number(line?.split(':')[0] ?? 0)
}
