import { describe, expect, it } from 'vitest'
import { drawGraph, findByName } from '../../tests/fixtures/drawn-graph.ts'
import { BUCKETS, bucketOf, confidenceBySamples, relativeChange } from './difference.ts'
import { layOutTree } from './layout.ts'
import { diffShade } from './shade.ts'

describe('relativeChange', () => {
  it.each([
    [0, 0, 0],
    [0, 1, 1],
    [1, 0, -1],
    [1, 1, 0],
    [1, 2, 0.5],
    [2, 1, -0.5],
    [1, 10, 0.9],
    [0.0001, 0.0002, 0.5],
  ])('of %d and %d is %d', (a, b, r) => {
    expect(relativeChange(a, b)).toBeCloseTo(r, 12)
  })

  it('changes its sign and nothing else when the sides are swapped', () => {
    for (const a of [0, 1, 3, 2 ** 53])
      for (const b of [0, 1, 7, 2 ** 53])
        expect(relativeChange(a, b) + relativeChange(b, a)).toBe(0)
  })
})

describe('bucketOf', () => {
  it('has its middle at no change and at no certainty', () => {
    expect(bucketOf(0, 1)).toBe(128)
    expect(bucketOf(1, 0)).toBe(128)
    expect(bucketOf(1, 1)).toBe(256)
    expect(bucketOf(-1, 1)).toBe(0)
  })

  it('mirrors when the sides are swapped', () => {
    for (let r = 0; r <= 1; r += 0.01)
      for (const c of [0.2, 0.7, 1])
        expect(Math.abs(bucketOf(r, c) + bucketOf(-r, c) - 256)).toBeLessThanOrEqual(1)
  })

  it('stays in the palette for values of 0, 1 and 2^53 on either side and in either total', () => {
    const values = [0, 1, 2 ** 53]
    for (const a of values)
      for (const b of values)
        for (const totalA of values)
          for (const totalB of values) {
            const [xA, xB] = [totalA > 0 ? a / totalA : 0, totalB > 0 ? b / totalB : 0]
            for (const c of [0, 0.5, 1]) {
              const bucket = bucketOf(relativeChange(xA, xB), c)
              expect(Number.isInteger(bucket) && bucket >= 0 && bucket < BUCKETS).toBe(true)
            }
          }
  })
})

describe('confidenceBySamples', () => {
  it('colours from fifty samples on', () => {
    expect([49, 50].map(confidenceBySamples)).toEqual([0, 1])
  })
})

describe('diffShade', () => {
  const folded = 'm;new 0 4\nm;gone 4 0\nm;double 2 4\nm;same 4 4'

  function shade(confidence: number) {
    const tree = drawGraph(folded, confidence)
    const scales = { a: 0.1, b: 0.1 }
    return { tree, shade: diffShade(tree, layOutTree(tree, scales, 'union'), scales) }
  }

  it('colours by change and certainty', () => {
    const { tree, shade: made } = shade(255)
    const at = (name: string): number => made.node(findByName(tree, name))
    expect([at('new'), at('gone'), at('double'), at('same')]).toEqual([256, 0, 192, 128])
  })

  it('hatches new and gone frames, and only where that is certain', () => {
    const sure = shade(255)
    const of = ({ tree, shade: made }: typeof sure): number[] =>
      ['new', 'gone', 'double'].map((name) => made.only(findByName(tree, name)))
    expect(of(sure)).toEqual([1, -1, 0])
    expect(of(shade(0))).toEqual([0, 0, 0])
  })

  it('colours a run by the sums of its frames', () => {
    const { tree, shade: made } = shade(255)
    // 10 on side A, 12 on side B: r = 2/12.
    expect(made.run(2, tree.nodes - 1)).toBe(bucketOf(2 / 12, 1))
  })
})
