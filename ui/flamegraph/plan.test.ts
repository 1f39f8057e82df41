import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyTree, drawGraph } from '../../tests/fixtures/drawn-graph.ts'
import { findNode } from './hit.ts'
import { type Layout, layOutTree, type WidthMode } from './layout.ts'
import { createPlan, findRun, MIN_PX, type Plan, planView, RUN_PX, type View } from './plan.ts'
import { levelCount, levelOf, type Tree } from './tree.ts'

const MODES: readonly WidthMode[] = ['union', 'a', 'b']
const WIDTH = 200

function shares(tree: Tree) {
  return { a: 1 / (tree.cumA[0] || 1), b: 1 / (tree.cumB[0] || 1) }
}

function plan(tree: Tree, layout: Layout, part?: Partial<View>): Plan {
  const made = createPlan()
  const view = {
    x0: 0,
    x1: layout.total,
    width: WIDTH,
    firstLevel: 0,
    lastLevel: levelCount(tree) - 1,
  }
  planView(tree, layout, { ...view, ...part }, made)
  return made
}

/** Every node wide enough, whose ancestors all are: what must be drawn as a box or in a run. */
function expectedNodes(tree: Tree, layout: Layout, view: Pick<View, 'x0' | 'x1'>): number[] {
  const scale = WIDTH / (view.x1 - view.x0)
  const kept = new Uint8Array(tree.nodes)
  const nodes: number[] = []
  for (let i = 0; i < tree.nodes; i++) {
    const wide = (layout.w[i] as number) * scale >= MIN_PX
    const above = i === 0 || kept[tree.parent[i] as number] === 1
    const seen =
      (layout.start[i] as number) < view.x1 &&
      (layout.start[i] as number) + (layout.w[i] as number) > view.x0
    if (!wide || !above || !seen) continue
    kept[i] = 1
    nodes.push(i)
  }
  return nodes
}

const anyView = fc
  .tuple(
    fc.double({ min: 0, max: 0.9, noNaN: true }),
    fc.double({ min: 0.05, max: 1, noNaN: true }),
  )
  .map(([from, size]) => ({ from, to: Math.min(1, from + size) }))

describe('planView', () => {
  it('draws the boxes that drawing everything would, in every width mode and at any zoom', () => {
    fc.assert(
      fc.property(anyTree, fc.constantFrom(...MODES), anyView, (tree, mode, { from, to }) => {
        const layout = layOutTree(tree, shares(tree), mode)
        fc.pre(layout.total > 0)
        const view = { x0: from * layout.total, x1: to * layout.total }
        const made = plan(tree, layout, view)
        const scale = WIDTH / (view.x1 - view.x0)
        const wanted = expectedNodes(tree, layout, view).filter(
          (node) => (layout.w[node] as number) * scale >= RUN_PX,
        )
        expect([...made.node.slice(0, made.boxes)].sort((x, y) => x - y)).toEqual(wanted)
      }),
    )
  })

  it('covers by runs what is too narrow for a box of its own', () => {
    fc.assert(
      fc.property(anyTree, fc.constantFrom(...MODES), (tree, mode) => {
        const layout = layOutTree(tree, shares(tree), mode)
        fc.pre(layout.total > 0)
        const made = plan(tree, layout)
        const boxes = new Set(made.node.slice(0, made.boxes))
        for (const node of expectedNodes(tree, layout, { x0: 0, x1: layout.total })) {
          if (boxes.has(node)) continue
          const x =
            (((layout.start[node] as number) + (layout.w[node] as number) / 2) * WIDTH) /
            layout.total
          const run = findRun(made, levelOf(tree, node), x)
          expect(run).toBeGreaterThanOrEqual(0)
          expect(made.runFirst[run] as number).toBeLessThanOrEqual(node)
          expect(made.runLast[run] as number).toBeGreaterThanOrEqual(node)
        }
      }),
    )
  })

  it('hits the box whose centre is asked for', () => {
    fc.assert(
      fc.property(anyTree, fc.constantFrom(...MODES), (tree, mode) => {
        const layout = layOutTree(tree, shares(tree), mode)
        fc.pre(layout.total > 0)
        const made = plan(tree, layout)
        for (let i = 0; i < made.boxes; i++) {
          const x = (made.x[i] as number) + (made.w[i] as number) / 2
          const value = (x / WIDTH) * layout.total
          expect(findNode(tree, layout, made.level[i] as number, value)).toBe(made.node[i])
        }
      }),
    )
  })

  it('finds by level what descending from the root finds', () => {
    fc.assert(
      fc.property(
        anyTree,
        fc.constantFrom(...MODES),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (tree, mode, share) => {
          const layout = layOutTree(tree, shares(tree), mode)
          const value = share * layout.total
          let node = value < layout.total ? 0 : -1
          for (let level = 0; level < levelCount(tree); level++) {
            const found = findNode(tree, layout, level, value)
            // Edges of neighbours may differ by the last bit of a sum.
            const edge = [found, node].some(
              (i) =>
                i >= 0 &&
                Math.min(
                  Math.abs(value - (layout.start[i] as number)),
                  Math.abs(value - (layout.start[i] as number) - (layout.w[i] as number)),
                ) <
                  1e-9 * layout.total,
            )
            if (edge) return
            expect(found).toBe(node)
            node = descend(tree, layout, node, value)
          }
        },
      ),
    )
  })

  it('colours 10,000 narrow siblings as one block of a few runs', () => {
    const stacks = Array.from({ length: 10_000 }, (_, i) => `m;f${i} 1 1`).join('\n')
    const tree = drawGraph(stacks)
    const layout = layOutTree(tree, shares(tree), 'union')
    const made = plan(tree, layout)
    expect(made.boxes).toBe(2)
    expect(made.runs).toBe(1)
    expect(made.runW[0]).toBeCloseTo(WIDTH, 3)
    expect((made.runLast[0] as number) - (made.runFirst[0] as number)).toBe(9_999)
  })

  it('looks only at the siblings a deep zoom shows', () => {
    const stacks = Array.from({ length: 5000 }, (_, i) => `m;f${i} 1 1`).join('\n')
    const tree = drawGraph(stacks)
    const layout = layOutTree(tree, shares(tree), 'union')
    const one = layout.total / 5000
    const made = plan(tree, layout, { x0: one * 4000, x1: one * 4002 })
    const shown = [...made.node.slice(0, made.boxes)].map((node) => node - 2)
    expect(shown.slice(0, 2)).toEqual([-2, -1])
    expect(shown.slice(2).every((i) => i >= 3999 && i <= 4002)).toBe(true)
  })

  it('draws nothing of a tree without samples', () => {
    const tree = drawGraph('a;b 0 0')
    const made = plan(tree, layOutTree(tree, { a: 1, b: 1 }, 'union'))
    expect([made.boxes, made.runs]).toEqual([0, 0])
  })
})

function descend(tree: Tree, layout: Layout, node: number, value: number): number {
  if (node < 0) return -1
  const first = tree.firstChild[node] as number
  for (let child = first; child < first + (tree.childCount[node] as number); child++) {
    const start = layout.start[child] as number
    if (value >= start && value < start + (layout.w[child] as number)) return child
  }
  return -1
}
