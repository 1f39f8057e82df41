import { describe, expect, it } from 'vitest'
import { drawGraph, drawSide } from '../../tests/fixtures/drawn-graph.ts'
import type { Graph } from '../flamegraph/facts.ts'
import { markdownTable } from './markdown.ts'

function graph(folded: string): Graph {
  return {
    tree: drawGraph(folded),
    unit: 'nanoseconds',
    normalize: 'share',
    scales: { a: 0.1, b: 0.1 },
    a: drawSide({ total: 10 }),
    b: drawSide({ total: 10 }),
  }
}

describe('markdownTable', () => {
  it('lists the largest certain changes', () => {
    const made = graph('main;work 2 6\nmain;idle 7 4\nmain;same 1 0')
    const text = markdownTable(made, 2)
    expect(text.split('\n').slice(2, 4)).toEqual([
      '| `work` | 20.0% | 60.0% | +40.0 pp | 3.0× |',
      '| `idle` | 70.0% | 40.0% | −30.0 pp | −43% |',
    ])
  })

  it('cannot be broken by a name', () => {
    const made = graph('a|b`c``d 10 10')
    const text = markdownTable(made, 1)
    expect(text).toContain('| ``` a\\|b`c``d ``` |')
  })
})
