import { describe, expect, it } from 'vitest'
import { drawGraph } from '../../tests/fixtures/drawn-graph.ts'
import { layOutTree } from './layout.ts'
import { createBuckets, paint, ROW_PX } from './paint.ts'
import { diffPalette } from './palette.ts'
import { createPlan, planView } from './plan.ts'
import { diffShade } from './shade.ts'
import { levelCount, type Tree } from './tree.ts'

const SCALES = { a: 0.1, b: 0.1 }
const WIDTH = 400

type Call = { readonly name: string; readonly args: readonly number[]; readonly style: string }

/** A context that notes what is drawn; only what paint() uses is there. */
function recordingContext(): { ctx: CanvasRenderingContext2D; calls: Call[] } {
  const calls: Call[] = []
  const note =
    (name: string) =>
    (...args: unknown[]) => {
      const numbers = args.filter((arg) => typeof arg === 'number')
      calls.push({ name, args: numbers, style: String(target.fillStyle) })
    }
  const target = {
    fillStyle: '',
    strokeStyle: '',
    lineWidth: 1,
    font: '',
    textBaseline: '',
    fontKerning: '',
    ...Object.fromEntries(
      'setTransform fillRect strokeRect fillText moveTo lineTo beginPath stroke save restore scale'
        .split(' ')
        .map((name) => [name, note(name)]),
    ),
  }
  return { ctx: target as unknown as CanvasRenderingContext2D, calls }
}

function draw(tree: Tree, options: { dpr?: number; marks?: Uint8Array } = {}): Call[] {
  const layout = layOutTree(tree, SCALES, 'union')
  const plan = createPlan()
  planView(
    tree,
    layout,
    { x0: 0, x1: layout.total, width: WIDTH, firstLevel: 0, lastLevel: levelCount(tree) - 1 },
    plan,
  )
  const { ctx, calls } = recordingContext()
  paint(
    ctx,
    {
      tree,
      plan,
      shade: diffShade(tree, layout, SCALES),
      palette: diffPalette('light'),
      paper: {
        ground: 'ground',
        ring: 'ring',
        hover: 'hover',
        mark: 'mark',
        hatch: 'hatch',
        font: '12px x',
      },
      labels: (f, room) => (room > 20 ? tree.functions.name(f) : ''),
      width: WIDTH,
      height: 200,
      dpr: options.dpr ?? 1,
      top: (level) => level * ROW_PX,
      marks: options.marks ?? null,
      cursor: -1,
      hover: -1,
      hoverRun: -1,
    },
    createBuckets(),
  )
  return calls
}

const boxes = (calls: readonly Call[]): Call[] =>
  calls.filter((call) => call.name === 'fillRect' && call.style.startsWith('#'))

describe('paint', () => {
  it('draws a box per frame in the colour of its change', () => {
    const calls = boxes(draw(drawGraph('m;new 0 5\nm;gone 5 0\nm;same 5 5')))
    const { fill } = diffPalette('light')
    expect(calls.map((call) => call.style).sort()).toEqual(
      [fill[128], fill[128], fill[128], fill[0], fill[256]].sort(),
    )
  })

  it('says with the direction of lines what is new and what is gone', () => {
    const slopes = (folded: string): Set<number> => {
      const calls = draw(drawGraph(folded))
      const found = new Set<number>()
      calls.forEach((call, i) => {
        const next = calls[i + 1]
        if (call.name !== 'moveTo' || next?.name !== 'lineTo') return
        const [x0, y0] = call.args as [number, number]
        const [x1, y1] = next.args as [number, number]
        found.add(Math.sign((y1 - y0) / (x1 - x0)))
      })
      return found
    }
    // Canvas y grows downwards: a line that rises to the right has a negative slope.
    expect(slopes('m;new 0 5\nm;same 5 5')).toEqual(new Set([-1]))
    expect(slopes('m;gone 5 0\nm;same 5 5')).toEqual(new Set([1]))
    expect(slopes('m;double 2 4\nm;same 5 5')).toEqual(new Set())
  })

  it('snaps boxes to whole device pixels', () => {
    const stacks = Array.from({ length: 37 }, (_, i) => `m;f${i} ${i + 1} ${i + 2}`).join('\n')
    for (const dpr of [1, 1.5, 2])
      for (const call of boxes(draw(drawGraph(stacks), { dpr })))
        for (const value of call.args) expect(Number.isInteger(value)).toBe(true)
  })

  it('pushes back what a search does not find, and marks runs that hold a match', () => {
    const stacks = Array.from({ length: 2000 }, (_, i) => `m;f${i} 1 1`).join('\n')
    const tree = drawGraph(stacks)
    const marks = new Uint8Array(tree.functions.count)
    marks[1000] = 1
    const calls = draw(tree, { marks })
    const { dimFill } = diffPalette('light')
    expect(boxes(calls).some((call) => call.style === dimFill[128])).toBe(true)
    expect(calls.filter((call) => call.style === 'mark' && call.name === 'fillRect')).toHaveLength(
      1,
    )
  })

  it('never draws at a place that is no number', () => {
    for (const call of draw(drawGraph('m;a 0 0\nm;b 1 0\nm;c 9007199254740992 1')))
      for (const value of call.args) expect(Number.isFinite(value)).toBe(true)
  })
})
