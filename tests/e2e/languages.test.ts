import { beforeAll, describe, expect, it } from 'vitest'
import { compileFixture, scriptFixture } from '../fixtures/programs/build.ts'
import { type SeenGraphs, seePrograms, shareThrough, stacksOf } from '../fixtures/seen-programs.ts'

// Programs of four languages with the same call tree, as a user sees them in the two ways of walking
// their stacks: what each way allows is there and named, and what it does not allow is said.

const NODE_START = 'node::Start(int, char**)'

const NODE = [process.execPath, scriptFixture('busy.mjs'), '-']
const PYTHON = ['python3', scriptFixture('busy.py'), '-']

function namesOf(graph: ReturnType<SeenGraphs['of']>): string[] {
  return [...new Set(stacksOf(graph).flatMap((stack) => stack.names))]
}

describe('by frame pointers', () => {
  let graphs: SeenGraphs

  beforeAll(async () => {
    graphs = await seePrograms(
      {
        'c-frame-pointers': [compileFixture('busy-fp'), '-'],
        'c-without': [compileFixture('busy-nofp'), '-'],
        cpp: [compileFixture('shapes-fp'), '-'],
        'node-perf-map': [NODE[0] as string, '--perf-basic-prof-only-functions', ...NODE.slice(1)],
        node: NODE,
        python: PYTHON,
      },
      { FLAMEWATCH_UNWIND: 'frame-pointers' },
    )
  }, 180_000)

  it('a C program that keeps them has stacks from the start of its thread to the work it does', () => {
    const graph = graphs.of('c-frame-pointers')
    expect(shareThrough(graph, 'main', 'work', 'burn')).toBeGreaterThan(0.9)
    expect(graph.side.brokenShare).toBeLessThan(0.05)
  })

  it('one that does not still has its own time, and its stacks are said to be broken', () => {
    const graph = graphs.of('c-without')
    expect(shareThrough(graph, 'burn')).toBeGreaterThan(0.9)
    expect(graph.side.brokenShare).toBeGreaterThan(0.5)
    expect(shareThrough(graph, '[broken stack]')).toBeCloseTo(graph.side.brokenShare, 6)
  })

  it('a C++ program has its names demangled, templates and lambdas too', () => {
    const graph = graphs.of('cpp')
    const names = namesOf(graph)
    expect(names).toContain('geometry::Circle::area(int) const')
    expect(names.filter((name) => name.startsWith('_Z'))).toEqual([])
    expect(names.some((name) => name.includes('geometry::Scene<'))).toBe(true)
    expect(graph.side.brokenShare).toBeLessThan(0.05)
  })

  it('a Node program has its functions by name where it writes a perf map', () => {
    const graph = graphs.of('node-perf-map')
    // What turn calls is inlined into it sooner or later, which a perf map cannot show.
    expect(shareThrough(graph, 'uv_run', 'turn')).toBeGreaterThan(0.5)
    expect(graph.side.brokenShare).toBeLessThan(0.1)
  })

  it('one without has the runtime by name, down to the start of the process', () => {
    const graph = graphs.of('node')
    expect(shareThrough(graph, NODE_START, 'uv_run')).toBeGreaterThan(0.5)
    expect(graph.side.brokenShare).toBeLessThan(0.1)
  })

  it('a Python program has the interpreter by name; that frame pointers end there is said', () => {
    const graph = graphs.of('python')
    expect(namesOf(graph).some((name) => /^(_PyEval|PyLong)/.test(name))).toBe(true)
    expect(shareThrough(graph, '[broken stack]')).toBeCloseTo(graph.side.brokenShare, 6)
  })
})

describe('by unwind tables, as it comes', () => {
  let graphs: SeenGraphs

  beforeAll(async () => {
    graphs = await seePrograms({
      c: [compileFixture('busy-nofp'), '-'],
      cpp: [compileFixture('shapes-nofp'), '-'],
      node: NODE,
      python: PYTHON,
    })
  }, 180_000)

  it.each(['c', 'cpp', 'node', 'python'])(
    'stacks of %s come whole without frame pointers',
    (name) => {
      expect(graphs.of(name).side.brokenShare).toBeLessThan(0.1)
    },
  )

  it('with every caller between the start of the process and the work', () => {
    expect(shareThrough(graphs.of('c'), '_start', 'main', 'work', 'heavy', 'burn')).toBeGreaterThan(
      0.6,
    )
    expect(shareThrough(graphs.of('c'), '_start', 'main', 'work', 'light', 'burn')).toBeGreaterThan(
      0.15,
    )
    expect(
      shareThrough(graphs.of('cpp'), '_start', 'main', 'geometry::Circle::area(int) const'),
    ).toBeGreaterThan(0.8)
    expect(shareThrough(graphs.of('node'), '_start', NODE_START, 'uv_run')).toBeGreaterThan(0.5)
    expect(shareThrough(graphs.of('python'), '_start', '_PyEval_EvalFrameDefault')).toBeGreaterThan(
      0.5,
    )
  })
})
