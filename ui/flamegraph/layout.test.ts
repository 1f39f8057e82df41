import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyTree, drawGraph, drawSide } from '../../tests/fixtures/drawn-graph.ts'
import { layOutTree, scalesOf, type WidthMode } from './layout.ts'
import type { Tree } from './tree.ts'

const MODES: readonly WidthMode[] = ['union', 'a', 'b']

function shares(tree: Tree, factor = 1) {
  return scalesOf(
    'share',
    drawSide({ total: tree.cumA[0] as number }),
    drawSide({ total: (tree.cumB[0] as number) * factor }),
  )
}

describe('layOutTree', () => {
  it('gives a root of two in share mode, and gone frames their width', () => {
    const tree = drawGraph('main;gone 4 0\nmain;new 0 4\nmain;same 4 4')
    const layout = layOutTree(tree, shares(tree), 'union')
    expect(layout.total).toBeCloseTo(2, 12)
    expect([...layout.w.slice(2)]).toEqual([1, 0.5, 0.5])
  })

  it('keeps children inside their parent in every width mode', () => {
    fc.assert(
      fc.property(anyTree, fc.constantFrom(...MODES), (tree, mode) => {
        const { start, w, total } = layOutTree(tree, shares(tree), mode)
        for (let i = 0; i < tree.nodes; i++) {
          const first = tree.firstChild[i] as number
          let sum = 0
          for (let c = first; c < first + (tree.childCount[i] as number); c++) {
            expect(start[c] as number).toBeGreaterThanOrEqual((start[i] as number) - 1e-12)
            sum += w[c] as number
          }
          expect(sum).toBeLessThanOrEqual((w[i] as number) + 1e-12 * Math.max(1, total))
        }
      }),
    )
  })

  it('never goes backwards within a level', () => {
    fc.assert(
      fc.property(anyTree, fc.constantFrom(...MODES), (tree, mode) => {
        const { start } = layOutTree(tree, shares(tree), mode)
        for (let level = 0; level + 1 < tree.levelStart.length; level++)
          for (
            let i = (tree.levelStart[level] as number) + 1;
            i < (tree.levelStart[level + 1] as number);
            i++
          )
            expect(start[i] as number).toBeGreaterThanOrEqual((start[i - 1] as number) - 1e-12)
      }),
    )
  })

  it('does not change in share mode when one side is scaled', () => {
    fc.assert(
      fc.property(anyTree, fc.constantFrom(2, 8, 1024), (tree, factor) => {
        const before = layOutTree(tree, shares(tree), 'union')
        const scaled = { ...tree, cumB: tree.cumB.map((value) => value * factor) }
        expect([...layOutTree(scaled, shares(tree, factor), 'union').w]).toEqual([...before.w])
      }),
    )
  })

  it('knows the widest of later siblings where they are out of order', () => {
    const tree = drawGraph('m;x 1 99\nm;y 50 1\nm;z 49 1')
    expect(layOutTree(tree, shares(tree), 'union').widestLeft).toBeNull()
    const layout = layOutTree(tree, shares(tree), 'a')
    expect([...(layout.widestLeft ?? [])].slice(2)).toEqual([0.5, 0.5, 0.49].map(Math.fround))
  })

  it('makes a side without samples nothing instead of dividing by it', () => {
    expect(scalesOf('share', drawSide({ total: 0 }), drawSide({ total: 5 }))).toEqual({
      a: 0,
      b: 0.2,
    })
    expect(scalesOf('host', drawSide({ hostSeconds: 0 }), null)).toEqual({ a: 0, b: 0 })
    expect(scalesOf('raw', drawSide({}), drawSide({}))).toEqual({ a: 1, b: 1 })
  })
})
