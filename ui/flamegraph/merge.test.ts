import { describe, expect, it } from 'vitest'
import type { FlamegraphAnswer } from '../../query/api.ts'
import { drawGraph, drawSide, printGraph } from '../../tests/fixtures/drawn-graph.ts'
import { mergeTrees, treeOfAnswer } from './merge.ts'
import { flatOf } from './tree.ts'

function answer(folded: string): FlamegraphAnswer {
  const tree = drawGraph(folded)
  const functions = Array.from({ length: tree.functions.count }, (_, i) => ({
    id: tree.functions.name(i),
    name: tree.functions.name(i),
    file: '',
    module: 'app',
    kind: 'native',
  }))
  return {
    type: 'cpu',
    unit: 'nanoseconds',
    side: drawSide({}),
    functions,
    nodes: {
      parent: Array.from(tree.parent, (parent, i) => (i === 0 ? -1 : parent)),
      function: [...tree.fn],
      flat: Array.from(tree.cumA, (_, i) => String(flatOf(tree, tree.cumA, i))),
      cum: [...tree.cumA],
    },
    truncated: null,
    source: 'profiles',
  }
}

describe('trees from JSON', () => {
  it('are what was sent', () => {
    expect(printGraph(treeOfAnswer(answer('a;b 2\na;c 5')))).toEqual([
      'total 7',
      'a 7',
      'a;c 5',
      'a;b 2',
    ])
  })

  it('join by path, each side keeping its values', () => {
    const tree = mergeTrees(
      answer('a;b 2\na;gone 1'),
      answer('a;b 3\na;new;x 4'),
      { a: 1, b: 1 },
      (a, b) => (a + b >= 5 ? 1 : 0),
    )
    expect(printGraph(tree)).toEqual([
      'total 3 7',
      'a 3 7',
      'a;b 2 3',
      'a;new 0 4',
      'a;gone 1 0',
      'a;new;x 0 4',
    ])
    expect([...(tree.confidence ?? [])]).toEqual([255, 255, 255, 0, 0, 0])
  })

  it('refuse a frame whose parent is not there', () => {
    const broken = answer('a;b 1')
    const nodes = { ...broken.nodes, parent: [-1, 0, 7] }
    expect(() => treeOfAnswer({ ...broken, nodes })).toThrow('no parent')
  })
})
