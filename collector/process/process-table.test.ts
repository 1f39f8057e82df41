import { beforeEach, expect, test } from 'vitest'
import { NO_CGROUP_NAMES } from './cgroup-path.ts'
import type { ProcessSources, RecalledProcess, SampledProcess } from './process-image.ts'
import type { ProcessFacts } from './process-labels.ts'
import { ProcessTable } from './process-table.ts'

// A host of made-up processes: what /proc would say about each.
type Fake = { startTicks: number; image: string; comm: string; mappings: string }

const processes = new Map<number, Fake>()
const ended = new Map<number, RecalledProcess<string>>()
const reads: string[] = []

const sources: ProcessSources<string> = {
  identify(pid) {
    return processes.get(pid) ?? null
  },
  read(pid) {
    const fake = processes.get(pid)
    if (!fake) return null
    reads.push(`facts ${pid}`)
    return factsOf(fake)
  },
  readMappings(pid) {
    reads.push(`mappings ${pid}`)
    return processes.get(pid)?.mappings ?? null
  },
  recall: ({ tgid }) => ended.get(tgid) ?? null,
  cgroup: (id) => ({ ...NO_CGROUP_NAMES, unit: id === 7n ? 'cron.service' : null }),
  container: () => null,
}

function factsOf({ comm, image, mappings }: Fake): ProcessFacts {
  return {
    comm,
    executable: image,
    argv0: image,
    workingDirectory: '/',
    entry: null,
    otel: { service: null, version: null },
    cgroup: NO_CGROUP_NAMES,
    container: null,
    executableVersion: mappings === 'v2' ? 'v2' : `${image}-v1`,
    entryVersion: null,
  }
}

function start(pid: number, image: string, startTicks = 500): void {
  processes.set(pid, { startTicks, image, comm: image, mappings: `maps of ${image}` })
}

function sample(tgid: number, extra: Partial<SampledProcess> = {}): SampledProcess {
  return {
    tgid,
    startTimeNs: 5_000_000_000n,
    program: 0,
    cgroupId: 1n,
    comm: 'x',
    kernelThread: false,
    ...extra,
  }
}

let table: ProcessTable<string>

beforeEach(() => {
  processes.clear()
  ended.clear()
  reads.length = 0
  table = new ProcessTable(sources, 'web-1', '6.18.44')
  table.beginWindow()
})

test('labels a living process and knows its mappings', () => {
  start(10, 'nginx')
  expect(table.find(sample(10))).toEqual({
    labels: { service: 'nginx', version: 'nginx-v1', host: 'web-1', comm: 'nginx' },
    comm: 'nginx',
    mappings: 'maps of nginx',
    isNamedByFile: true,
  })
})

test('remembers a process that was seen at its first sample and died before the drain', () => {
  start(10, 'short')
  expect(table.see(sample(10))).toBe(true)
  processes.delete(10)
  table.beginWindow()
  expect(table.find(sample(10))?.labels['service']).toBe('short')
})

test('tells that a process died before it could be seen', () => {
  expect(table.see(sample(10))).toBe(false)
})

test('knows only name and cgroup of a process it never saw', () => {
  const sampled = sample(10, { comm: 'sh', cgroupId: 7n })
  expect(table.find(sampled)).toBeNull()
  const { labels, mappings } = table.describe(sampled)
  expect(labels).toEqual({
    service: 'cron',
    version: 'unknown',
    host: 'web-1',
    unit: 'cron.service',
    comm: 'sh',
  })
  expect(mappings).toBeNull()
})

test('takes the version of a process it never saw from the same program in the same cgroup', () => {
  const versionOf = (sampled: SampledProcess) => table.describe(sampled).labels['version']
  start(11, 'cc1')
  table.find(sample(11, { comm: 'cc1', cgroupId: 7n }))
  expect(versionOf(sample(10, { comm: 'cc1', cgroupId: 7n }))).toBe('cc1-v1')
  expect(versionOf(sample(10, { comm: 'cc1', cgroupId: 8n }))).toBe('unknown')
  table.beginWindow()
  expect(versionOf(sample(10, { comm: 'cc1', cgroupId: 7n }))).toBe('cc1-v1')
  table.beginWindow()
  expect(versionOf(sample(10, { comm: 'cc1', cgroupId: 7n }))).toBe('unknown')
})

test('does not guess a version where the name of a thread does not tell the program', () => {
  // A thread of another program, and two programs of one name.
  processes.set(11, { startTicks: 500, image: 'postgres', comm: 'worker', mappings: '' })
  table.find(sample(11, { comm: 'worker' }))
  start(12, 'tool')
  table.find(sample(12, { comm: 'tool' }))
  processes.set(13, { startTicks: 500, image: 'tool', comm: 'tool', mappings: 'v2' })
  table.find(sample(13, { comm: 'tool' }))
  expect(table.describe(sample(10, { comm: 'worker' })).labels['version']).toBe('unknown')
  expect(table.describe(sample(10, { comm: 'tool' })).labels['version']).toBe('unknown')
})

test('does not give the samples of a dead process to the one that has its pid now', () => {
  start(10, 'old')
  table.see(sample(10))
  start(10, 'new', 900)
  table.beginWindow()
  expect(table.find(sample(10))?.labels['service']).toBe('old')
  expect(table.find(sample(10, { startTimeNs: 9_001_234_567n }))?.labels['service']).toBe('new')
})

test('takes the process at hand when the kernel could not tell its start', () => {
  start(10, 'nginx', 12345)
  expect(table.find(sample(10, { startTimeNs: 0n }))?.labels['service']).toBe('nginx')
})

test('tells the programs apart that a process executed one after another', () => {
  start(10, 'bash')
  table.see(sample(10))
  start(10, 'curl')
  table.see(sample(10))
  table.beginWindow()
  expect(table.find(sample(10, { comm: 'bash' }))?.labels['service']).toBe('bash')
  expect(table.find(sample(10, { comm: 'curl' }))?.labels['service']).toBe('curl')
  expect(table.find(sample(10, { comm: 'a thread' }))?.labels['service']).toBe('curl')
})

test('tells programs apart by their number, whatever the names of their threads', () => {
  start(10, 'bash')
  table.see(sample(10, { program: 7 }))
  start(10, 'curl')
  table.see(sample(10, { program: 8 }))
  table.beginWindow()
  expect(table.find(sample(10, { program: 7, comm: 'curl' }))?.labels['service']).toBe('bash')
  expect(table.find(sample(10, { program: 8, comm: 'bash' }))?.labels['service']).toBe('curl')
})

test('does not give the samples of a program that was over too soon to the next one', () => {
  start(10, 'curl')
  // Told at the first sample of bash, read when curl was there.
  table.see(sample(10, { program: 7 }))
  table.see(sample(10, { program: 8 }))
  table.beginWindow()
  expect(table.find(sample(10, { program: 7, comm: 'bash' }))).toBeNull()
  expect(table.find(sample(10, { program: 8, comm: 'curl' }))?.labels['service']).toBe('curl')
})

test('gives a sample of an exec itself, which has the new name already, to the new program', () => {
  start(10, 'curl')
  table.see(sample(10, { program: 8 }))
  table.beginWindow()
  expect(table.find(sample(10, { program: 7, comm: 'curl' }))?.labels['service']).toBe('curl')
  expect(table.find(sample(10, { program: 6, comm: 'curl' }))).toBeNull()
})

test('reads a program at the drain whose start was not told', () => {
  start(10, 'bash')
  table.see(sample(10, { program: 0xffff_ffff }))
  start(10, 'curl')
  table.beginWindow()
  // The number wraps around.
  expect(table.find(sample(10, { program: 1 }))?.labels['service']).toBe('curl')
  const before = sample(10, { program: 0xffff_ffff })
  expect(table.find(before)?.labels['service']).toBe('bash')
})

test('reads what is mapped once more when an address is not', () => {
  start(10, 'node')
  table.see(sample(10))
  processes.set(10, { startTicks: 500, image: 'node', comm: 'node', mappings: 'more maps' })
  table.beginWindow()
  expect(table.find(sample(10))?.mappings).toBe('maps of node')
  expect(table.findAgain(sample(10))?.mappings).toBe('more maps')
})

test('does so once per window, and less and less often while it finds nothing new', () => {
  start(10, 'node')
  table.see(sample(10))
  const readIn: number[] = []
  for (let window = 1; window <= 8; window++) {
    table.beginWindow()
    reads.length = 0
    for (let i = 0; i < 3; i++) table.findAgain(sample(10))
    if (reads.length > 0) readIn.push(window)
    expect(reads.length).toBeLessThanOrEqual(1)
  }
  expect(readIn).toEqual([1, 3, 7])
})

test('follows a program that changes its name and its mappings within a minute', () => {
  start(10, 'node')
  table.see(sample(10))
  processes.set(10, { startTicks: 500, image: 'node', comm: 'MainThread', mappings: 'more maps' })
  for (let i = 0; i < 6; i++) table.beginWindow()
  expect(table.find(sample(10))).toMatchObject({
    labels: { service: 'node', comm: 'MainThread' },
    mappings: 'more maps',
  })
})

test('does not label a process by what was read while it executed another program', () => {
  let racing = true
  const racy = new ProcessTable<string>(
    {
      ...sources,
      read(pid) {
        const facts = sources.read(pid, 0n)
        if (racing) start(pid, 'second')
        racing = false
        return facts
      },
    },
    'web-1',
    '6.18.44',
  )
  start(10, 'first')
  expect(racy.see(sample(10))).toBe(true)
  expect(racy.size).toBe(0)
  racy.see(sample(10))
  expect(racy.find(sample(10))?.labels['service']).toBe('second')
})

test('reads a process that is known already no more than it must', () => {
  start(10, 'nginx')
  const image = table.find(sample(10))
  expect(table.find(sample(10, { comm: 'y' }))).toBe(image)
  table.beginWindow()
  expect(table.find(sample(10))).toBe(image)
  expect(reads).toEqual(['facts 10', 'mappings 10'])
})

test('looks in every window whose pid it is where the kernel does not tell', () => {
  start(10, 'old')
  table.find(sample(10, { startTimeNs: 0n }))
  start(10, 'new', 900)
  table.beginWindow()
  expect(table.find(sample(10, { startTimeNs: 0n }))?.labels['service']).toBe('new')
})

test('kernel threads are read from nowhere', () => {
  const image = table.find(sample(2, { kernelThread: true, comm: 'kworker/0:1' }))
  expect(image?.labels).toMatchObject({ service: 'kernel', version: '6.18.44', comm: 'kworker' })
  expect(reads).toEqual([])
})

test('forgets a process that was not sampled for a minute', () => {
  start(10, 'quiet')
  start(11, 'busy')
  table.find(sample(10))
  for (const size of [2, 2, 2, 2, 2, 1]) {
    table.beginWindow()
    table.find(sample(11))
    table.endWindow()
    expect(table.size).toBe(size)
  }
})

test('is bounded', () => {
  for (let pid = 1; pid <= 5000; pid++) {
    start(pid, 'x')
    table.see(sample(pid))
  }
  expect(table.size).toBe(4096)
})

function recalled(parent: number, ...names: readonly string[]): RecalledProcess<string> {
  const programs = names.map((name) => ({
    ...{ comm: name, executable: name, version: `${name}-build` },
    mappings: `told of ${name}`,
  }))
  return { parent, forkedNs: 5_000_000_000n, programs }
}

test('a process that ended unread is labelled and mapped by what the kernel told of it', () => {
  ended.set(10, recalled(1, 'true'))
  expect(table.find(sample(10, { comm: 'true' }))).toMatchObject({
    labels: { service: 'true', version: 'true-build', host: 'web-1', comm: 'true' },
    mappings: 'told of true',
  })
})

test('before its first exec a process ran the program of its parent', () => {
  start(1, 'shell', 1)
  ended.set(10, recalled(1, 'true'))
  expect(table.find(sample(10, { comm: 'shell' }))?.mappings).toBe('maps of shell')
  expect(table.find(sample(10, { comm: 'true' }))?.mappings).toBe('told of true')
})

test('the program of a parent that ended, too, is what the kernel told of it', () => {
  ended.set(1, recalled(0, 'shell'))
  ended.set(10, recalled(1))
  expect(table.find(sample(10, { comm: 'shell' }))?.mappings).toBe('told of shell')
})

test('a parent is not one that began after the fork', () => {
  start(1, 'another', 501)
  ended.set(10, recalled(1))
  expect(table.find(sample(10, { comm: 'shell' }))).toBeNull()
})

test('what a process mapped after it was read is added when it has ended, its labels stay', () => {
  start(10, 'short')
  table.see(sample(10))
  processes.delete(10)
  ended.set(10, recalled(1, 'short'))
  table.beginWindow()
  const process = sample(10, { comm: 'short' })
  expect(table.find(process)?.mappings).toBe('maps of short')
  expect(table.findAgain(process)).toMatchObject({
    labels: { version: 'short-v1' },
    mappings: 'told of short',
  })
})
