import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FlamegraphAnswer } from '../../query/api.ts'
import { eventually } from '../fixtures/eventually.ts'
import { compileFixture, scriptFixture } from '../fixtures/programs/build.ts'
import { type RunningServer, startServer } from '../fixtures/running-server.ts'

// Programs of four languages with the same call tree, seen by a server as it is started by a user:
// what frame pointers allow is there and named, and what they do not allow is said.

const SAMPLES = 300

const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  'c-frame-pointers': [compileFixture('busy-fp'), '-'],
  'c-without': [compileFixture('busy-nofp'), '-'],
  'cpp-frame-pointers': [compileFixture('shapes-fp'), '-'],
  'node-perf-map': [
    process.execPath,
    '--perf-basic-prof-only-functions',
    scriptFixture('busy.mjs'),
    '-',
  ],
  'node-plain': [process.execPath, scriptFixture('busy.mjs'), '-'],
  python: ['python3', scriptFixture('busy.py'), '-'],
}

const graphs = new Map<string, FlamegraphAnswer>()
let server: RunningServer
let directory: string

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flamewatch-languages-'))
  server = await startServer({
    environment: { FLAMEWATCH_WINDOW: '2s', FLAMEWATCH_UNWIND: 'frame-pointers' },
  })
  const running = Object.entries(PROGRAMS).map(([service, command]) => run(service, command))
  try {
    for (const service of Object.keys(PROGRAMS))
      graphs.set(
        service,
        await eventually(
          `${SAMPLES} samples of ${service}`,
          async () => {
            const graph = await fetchGraph(service)
            return (graph.side.samples ?? 0) >= SAMPLES && graph
          },
          120_000,
        ),
      )
  } finally {
    await Promise.all(running.map(end))
  }
}, 180_000)

afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
})

function run(service: string, [program, ...args]: readonly string[]): ChildProcess {
  return spawn(program as string, args, {
    cwd: directory,
    stdio: ['pipe', 'ignore', 'inherit'],
    env: { PATH: process.env['PATH'], OTEL_SERVICE_NAME: service },
  })
}

async function end(child: ChildProcess): Promise<void> {
  const ended = child.exitCode === null ? once(child, 'exit') : null
  child.stdin?.end()
  await ended
}

async function fetchGraph(service: string): Promise<FlamegraphAnswer> {
  const query = `{service="${service}"}`
  const url = `${server.url}/api/v1/flamegraph?${new URLSearchParams({ query })}`
  const response = await fetch(url)
  expect(response.status, await response.clone().text()).toBe(200)
  return (await response.json()) as FlamegraphAnswer
}

function graphOf(service: string): FlamegraphAnswer {
  const graph = graphs.get(service)
  if (!graph) throw new Error(`no graph of ${service}`)
  return graph
}

type Path = { readonly names: readonly string[]; readonly share: number }

/** Every stack root first, with its flat share of the whole. */
function stacksOf(service: string): Path[] {
  const { nodes, functions, side } = graphOf(service)
  return nodes.flat.flatMap((flat, node) => {
    if (Number(flat) === 0) return []
    const names: string[] = []
    for (let at = node; at > 0; at = nodes.parent[at] as number)
      names.unshift(functions[nodes.function[at] as number]?.name ?? '')
    return [{ names, share: Number(flat) / Number(side.total) }]
  })
}

/** Share of the time in stacks that have all of `names`, callers first, not necessarily adjacent. */
function shareThrough(service: string, ...names: string[]): number {
  return stacksOf(service).reduce((sum, stack) => {
    let found = 0
    for (const name of stack.names) if (name === names[found]) found++
    return found === names.length ? sum + stack.share : sum
  }, 0)
}

describe('a C program', () => {
  it('with frame pointers has stacks from the start of its thread to the work it does', () => {
    expect(shareThrough('c-frame-pointers', 'main', 'work', 'burn')).toBeGreaterThan(0.9)
    expect(graphOf('c-frame-pointers').side.brokenShare).toBeLessThan(0.05)
  })

  it('without them still has its own time under its name, and its stacks are said to be broken', () => {
    expect(shareThrough('c-without', 'burn')).toBeGreaterThan(0.9)
    expect(graphOf('c-without').side.brokenShare).toBeGreaterThan(0.5)
    expect(shareThrough('c-without', '[broken stack]')).toBeCloseTo(
      graphOf('c-without').side.brokenShare,
      6,
    )
  })
})

describe('a C++ program with frame pointers', () => {
  it('has its names demangled, templates and lambdas too', () => {
    const names = stacksOf('cpp-frame-pointers').flatMap((stack) => stack.names)
    expect(names).toContain('geometry::Circle::area(int) const')
    expect(names.filter((name) => name.startsWith('_Z'))).toEqual([])
    expect(names.some((name) => name.includes('geometry::Scene<'))).toBe(true)
    expect(graphOf('cpp-frame-pointers').side.brokenShare).toBeLessThan(0.05)
  })
})

describe('a Node program', () => {
  it('has its functions by name where it writes a perf map', () => {
    // burn and light are inlined into work, which a perf map cannot show.
    expect(shareThrough('node-perf-map', 'uv_run', 'turn', 'work')).toBeGreaterThan(0.4)
    expect(graphOf('node-perf-map').side.brokenShare).toBeLessThan(0.1)
  })

  it('without one has the runtime by name, down to the start of the process', () => {
    const start = 'node::Start(int, char**)'
    expect(shareThrough('node-plain', start, 'uv_run')).toBeGreaterThan(0.5)
    expect(graphOf('node-plain').side.brokenShare).toBeLessThan(0.1)
  })
})

describe('a Python program', () => {
  it('has the interpreter by name; that frame pointers end there is said', () => {
    const names = new Set(stacksOf('python').flatMap((stack) => stack.names))
    expect([...names].some((name) => name.startsWith('_PyEval') || name.startsWith('PyLong'))).toBe(
      true,
    )
    const { brokenShare } = graphOf('python').side
    expect(shareThrough('python', '[broken stack]')).toBeCloseTo(brokenShare, 6)
  })
})
