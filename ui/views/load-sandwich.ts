import type { NeighboursAnswer, Normalize } from '../../query/api.ts'
import { ApiError, api } from '../api-client.ts'
import { confidenceBySamples } from '../flamegraph/difference.ts'
import type { Graph } from '../flamegraph/facts.ts'
import { scalesOf } from '../flamegraph/layout.ts'
import { mergeTrees, treeOfAnswer } from '../flamegraph/merge.ts'
import type { Side, Sides } from '../sides.ts'
import type { Ask } from './load-graph.ts'

export type Sandwich = {
  readonly name: string
  readonly callers: Graph
  readonly callees: Graph
  readonly truncated: boolean
  /** The side that alone has the function, where the other has none of it. */
  readonly only: 'A' | 'B' | null
}

/** Callers and callees of a function, joined over both sides here: the server knows one at a time. */
export async function loadSandwich(
  { a, b }: Sides,
  ask: Ask & { readonly function: string },
  signal: AbortSignal,
): Promise<Sandwich> {
  const [one, two] = await Promise.all([
    a ? findNeighbours(a, ask, signal) : null,
    a ? findNeighbours(b, ask, signal) : askNeighbours(b, ask, signal),
  ])
  const found = two ?? one
  if (!found) throw notOnEitherSide()
  const both = one && two
  const graph = (part: 'callers' | 'callees'): Graph =>
    both ? compare(one, two, part, ask.normalize) : single(found, part)
  return {
    name: found.function.name,
    callers: graph('callers'),
    callees: graph('callees'),
    truncated: [one, two].some((answer) => answer?.callers.truncated || answer?.callees.truncated),
    only: both || !a ? null : two ? 'B' : 'A',
  }
}

type Question = { readonly type: string; readonly function: string }

function askNeighbours(side: Side, ask: Question, signal: AbortSignal): Promise<NeighboursAnswer> {
  return api.neighbours(side.part, { type: ask.type, function: ask.function }, signal)
}

/** Null where the side has nothing of the function: it is new, or gone. */
async function findNeighbours(
  side: Side,
  ask: Question,
  signal: AbortSignal,
): Promise<NeighboursAnswer | null> {
  try {
    return await askNeighbours(side, ask, signal)
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null
    throw error
  }
}

function notOnEitherSide(): ApiError {
  return new ApiError(
    404,
    'not_found',
    'Neither side has samples of this function.',
    'Choose a longer range, or go back to the graph.',
  )
}

function single(answer: NeighboursAnswer, part: 'callers' | 'callees'): Graph {
  const { side, unit } = answer[part]
  return {
    tree: treeOfAnswer(answer[part]),
    unit,
    normalize: 'share',
    scales: scalesOf('share', side, null),
    a: side,
    b: null,
  }
}

function compare(
  one: NeighboursAnswer,
  two: NeighboursAnswer,
  part: 'callers' | 'callees',
  normalize: Normalize,
): Graph {
  const [left, right] = [one[part], two[part]]
  const scales = scalesOf(normalize, left.side, right.side)
  return {
    tree: mergeTrees(left, right, scales, (cumA, cumB) =>
      confidenceBySamples(samplesOf(left.side, cumA) + samplesOf(right.side, cumB)),
    ),
    unit: right.unit,
    normalize,
    scales,
    a: left.side,
    b: right.side,
  }
}

function samplesOf(side: NeighboursAnswer['callers']['side'], value: number): number {
  const total = Number(side.total)
  return side.samples !== null && total > 0 ? (value / total) * side.samples : 0
}
