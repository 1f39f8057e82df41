import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyTree, drawGraph, printGraph } from '../../tests/fixtures/drawn-graph.ts'
import { foldRecursion } from './recursion.ts'

const SCALES = { a: 1, b: 1 }

describe('foldRecursion', () => {
  it('makes one frame of a function that calls itself', () => {
    const tree = drawGraph('main;walk;walk;walk;visit 3 4\nmain;walk;visit 1 1\nmain;walk;walk 2 2')
    expect(printGraph(foldRecursion(tree, SCALES))).toEqual([
      'total 6 7',
      'main 6 7',
      'main;walk 6 7',
      'main;walk;visit 4 5',
    ])
  })

  it('leaves recursion through other functions alone', () => {
    const tree = drawGraph('a;b;a;b 1 1')
    expect(printGraph(foldRecursion(tree, SCALES))).toEqual(printGraph(tree))
  })

  it('loses no value and folds completely', () => {
    fc.assert(
      fc.property(anyTree, (tree) => {
        const folded = foldRecursion(tree, SCALES)
        expect(folded.cumA[0] as number).toBeCloseTo(tree.cumA[0] as number, 0)
        expect(folded.cumB[0] as number).toBeCloseTo(tree.cumB[0] as number, 0)
        for (let i = 1; i < folded.nodes; i++) {
          const parent = folded.parent[i] as number
          expect(parent > 0 && folded.fn[parent] === folded.fn[i]).toBe(false)
        }
      }),
    )
  })
})
