import { describe, expect, it } from 'vitest'
import { drawGraph, findByName } from '../../tests/fixtures/drawn-graph.ts'
import { findNodeById, nodeId } from './node-id.ts'

const folded = 'main;work;parse 3 5\nmain;work;emit 1 1\nmain;idle 9 9'

describe('node ids', () => {
  it('find their node again, every one of them', () => {
    const tree = drawGraph(folded)
    const ids = Array.from({ length: tree.nodes }, (_, i) => nodeId(tree, i))
    expect(new Set(ids).size).toBe(tree.nodes)
    ids.forEach((id, i) => {
      expect(id).toMatch(/^[0-9a-f]{14}$/)
      expect(findNodeById(tree, id)).toBe(i)
    })
  })

  it('stay when values and the order of frames change', () => {
    const before = drawGraph(folded)
    const after = drawGraph('main;work;parse 9 9\nmain;work;emit 50 50\nmain;idle 1 1')
    const id = nodeId(before, findByName(before, 'parse'))
    expect(findByName(before, 'parse')).not.toBe(findByName(after, 'parse'))
    expect(findNodeById(after, id)).toBe(findByName(after, 'parse'))
  })

  it('are never changed: links hold them', () => {
    const tree = drawGraph(folded)
    expect(nodeId(tree, 0)).toBe('00000000000000')
    expect(nodeId(tree, findByName(tree, 'parse'))).toBe('5d9c43f71ca3de')
  })

  it('that name nothing find nothing', () => {
    const tree = drawGraph(folded)
    for (const id of ['', 'x', 'ffffffffffffff', '-1', '0'.repeat(15)])
      expect(findNodeById(tree, id)).toBe(-1)
  })
})
