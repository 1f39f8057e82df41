import type { DiffAnswer, FlamegraphAnswer, Normalize } from '../api.ts'
import type { AnsweredSide, AnsweredTree } from '../read/answer.ts'
import type { Certainty } from '../tree/certainty.ts'
import { judge } from '../tree/certainty.ts'
import { describeFrame } from '../tree/functions.ts'
import type { Layout } from '../tree/layout.ts'
import { layOut } from '../tree/layout.ts'
import { scaleOf } from '../tree/normalize.ts'
import type { Sums } from '../tree/sums.ts'

/** A tree ready to be sent, in whatever format. */
export type Drawing = {
  readonly answer: AnsweredTree
  readonly layout: Layout
  /** Of each side, as the layout was made with. */
  readonly scales: readonly number[]
  readonly comparison: Comparison | null
}

type Comparison = {
  readonly normalize: Normalize
  readonly certainty: string
  /** By node of the layout. */
  readonly confidence: Float64Array
}

/** `root`: the function node 0 stands for, where it is not the whole. */
export function drawOne(answer: AnsweredTree, maxNodes: number, root?: number): Drawing {
  const { total } = answer.sides[0] as AnsweredSide
  const scales = [scaleOf('share', { total, hostSeconds: 0 })]
  const layout = layOut(answer.tree, { scales, maxNodes, ...(root !== undefined && { root }) })
  return { answer, scales, comparison: null, layout }
}

export function drawDiff(answer: AnsweredTree, normalize: Normalize, maxNodes: number): Drawing {
  const scales = scalesOf(answer, normalize)
  const layout = layOut(answer.tree, { scales, maxNodes })
  const certainty = judgeSides(answer)
  const [a, b] = layout.cum as readonly [Sums, Sums]
  const confidence = new Float64Array(layout.nodes)
  for (let i = 0; i < layout.nodes; i++)
    confidence[i] = certainty.confidence(a.approximate(i), b.approximate(i))
  const comparison = { normalize, certainty: certainty.sentence, confidence }
  return { answer, scales, comparison, layout }
}

export function scalesOf({ sides }: AnsweredTree, normalize: Normalize): number[] {
  return sides.map(({ total, side }) =>
    scaleOf(normalize, { total, hostSeconds: side.hostSeconds }),
  )
}

export function judgeSides({ sides }: AnsweredTree): Certainty {
  const [a, b] = sides.map(({ total, facts }) => ({
    total,
    samplesPerValue: facts.samplesPerValue,
  }))
  return judge(a as NonNullable<typeof a>, b as NonNullable<typeof b>)
}

export function describeFlamegraph({ answer, layout }: Drawing): FlamegraphAnswer {
  const { scope, side } = answer.sides[0] as AnsweredSide
  const [flat, cum] = [layout.flat[0] as Sums, layout.cum[0] as Sums]
  return {
    type: scope.type,
    unit: answer.unit,
    side,
    functions: layout.frames.map(describeFrame),
    nodes: {
      parent: [...layout.parent],
      function: [...layout.frame],
      flat: valuesOf(flat),
      cum: valuesOf(cum),
    },
    truncated: layout.truncated,
    source: answer.source,
  }
}

export function describeDiff({ answer, layout, comparison }: Drawing): DiffAnswer {
  const [a, b] = answer.sides as readonly [AnsweredSide, AnsweredSide]
  const [flatA, flatB] = layout.flat as readonly [Sums, Sums]
  const [cumA, cumB] = layout.cum as readonly [Sums, Sums]
  const { normalize, certainty, confidence } = comparison as Comparison
  return {
    type: a.scope.type,
    unit: answer.unit,
    normalize,
    a: a.side,
    b: b.side,
    functions: layout.frames.map(describeFrame),
    nodes: {
      parent: [...layout.parent],
      function: [...layout.frame],
      flatA: valuesOf(flatA),
      flatB: valuesOf(flatB),
      cumA: valuesOf(cumA),
      cumB: valuesOf(cumB),
      confidence: Array.from(confidence, (c) => Math.round(c * 1000) / 1000),
    },
    certainty,
    truncated: layout.truncated,
    source: answer.source,
  }
}

function valuesOf(sums: Sums): (number | string)[] {
  return Array.from({ length: sums.length }, (_, i) => sums.value(i))
}
