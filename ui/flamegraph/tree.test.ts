import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyTree, drawGraph, printGraph } from '../../tests/fixtures/drawn-graph.ts'
import { functionsOf } from './functions.ts'
import { buildTree, flatOf, levelCount, levelOf, pathOf } from './tree.ts'

describe('buildTree', () => {
  it('sums what stands below a frame', () => {
    const tree = drawGraph(`
      main;work;parse 3 5
      main;work 1 0
      main;idle 0 2`)
    expect(printGraph(tree)).toEqual([
      'total 4 7',
      'main 4 7',
      'main;work 4 5',
      'main;idle 0 2',
      'main;work;parse 3 5',
    ])
  })

  it('keeps the sum of flat values as the root', () => {
    fc.assert(
      fc.property(anyTree, (tree) => {
        let sum = 0
        for (let i = 0; i < tree.nodes; i++) sum += flatOf(tree, tree.cumA, i)
        expect(sum).toBeCloseTo(tree.cumA[0] as number, 0)
      }),
    )
  })

  it('puts every node in the level below its parent', () => {
    fc.assert(
      fc.property(anyTree, (tree) => {
        for (let i = 1; i < tree.nodes; i++) {
          const parent = tree.parent[i] as number
          expect(levelOf(tree, i)).toBe(levelOf(tree, parent) + 1)
          expect(i).toBeGreaterThanOrEqual(tree.firstChild[parent] as number)
        }
      }),
    )
  })

  it('takes a stack of 10,000 frames', () => {
    const n = 10_000
    const tree = buildTree({
      sides: 1,
      flatA: new Float64Array(n).fill(1),
      flatB: null,
      fn: new Uint32Array(n),
      childCount: new Uint32Array(n).fill(1, 0, n - 1),
      confidence: null,
      functions: functionsOf([]),
    })
    expect(levelCount(tree)).toBe(n)
    expect(tree.cumA[0]).toBe(n)
    expect(pathOf(tree, n - 1)).toHaveLength(n)
    expect(levelOf(tree, n - 1)).toBe(n - 1)
  })

  it('has no rest of rounding as flat value', () => {
    const tree = drawGraph('a;b 0.1 1\na;c 0.2 1\na;d 0.7 1')
    expect(flatOf(tree, tree.cumA, 1)).toBe(0)
  })
})
