import type {
  ColumnsHeader,
  FlamegraphAnswer,
  NeighboursAnswer,
  Normalize,
} from '../../query/api.ts'
import { api } from '../api-client.ts'
import { decodeColumns } from '../flamegraph/columns.ts'
import { confidenceBySamples } from '../flamegraph/difference.ts'
import type { Graph } from '../flamegraph/facts.ts'
import { scalesOf } from '../flamegraph/layout.ts'
import { mergeTrees, treeOfAnswer } from '../flamegraph/merge.ts'
import { buildTree } from '../flamegraph/tree.ts'
import type { Side } from '../sides.ts'

export type Ask = { readonly type: string; readonly normalize: Normalize }

export type LoadedGraph = {
  readonly graph: Graph
  readonly certainty: string
  readonly truncated: ColumnsHeader['truncated']
  readonly source: string
}

/** One side's flame graph, or the comparison of two. */
export async function loadGraph(
  a: Side | null,
  b: Side,
  ask: Ask,
  signal: AbortSignal,
): Promise<LoadedGraph> {
  const bytes = a
    ? await api.diff(a.part, b.part, ask, signal)
    : await api.flamegraph(b.part, { type: ask.type }, signal)
  const columns = decodeColumns(bytes)
  const { header } = columns
  const other = header.b ?? null
  const normalize = header.normalize ?? (other ? ask.normalize : 'share')
  return {
    graph: {
      tree: buildTree(columns),
      unit: header.unit,
      normalize,
      scales: scalesOf(normalize, header.a, other),
      a: header.a,
      b: other,
    },
    certainty: header.certainty ?? '',
    truncated: header.truncated,
    source: header.source,
  }
}

export type Sandwich = {
  readonly name: string
  readonly callers: Graph
  readonly callees: Graph
  readonly truncated: boolean
}

/** Callers and callees of a function, joined over both sides here: the server knows one at a time. */
export async function loadSandwich(
  a: Side | null,
  b: Side,
  ask: Ask & { readonly function: string },
  signal: AbortSignal,
): Promise<Sandwich> {
  const question = { type: ask.type, function: ask.function }
  const [one, two] = await Promise.all([
    a ? api.neighbours(a.part, question, signal) : null,
    api.neighbours(b.part, question, signal),
  ])
  const pick = (answer: NeighboursAnswer, part: 'callers' | 'callees'): FlamegraphAnswer =>
    answer[part]
  const join = (part: 'callers' | 'callees'): Graph => {
    const right = pick(two, part)
    if (!one)
      return {
        tree: treeOfAnswer(right),
        unit: right.unit,
        normalize: 'share',
        scales: scalesOf('share', right.side, null),
        a: right.side,
        b: null,
      }
    const left = pick(one, part)
    const scales = scalesOf(ask.normalize, left.side, right.side)
    return {
      tree: mergeTrees(left, right, scales, (valueA, valueB) =>
        confidenceBySamples(samplesOf(left, valueA) + samplesOf(right, valueB)),
      ),
      unit: right.unit,
      normalize: ask.normalize,
      scales,
      a: left.side,
      b: right.side,
    }
  }
  return {
    name: two.function.name || one?.function.name || '',
    callers: join('callers'),
    callees: join('callees'),
    truncated: [one, two].some((answer) => answer?.callers.truncated || answer?.callees.truncated),
  }
}

function samplesOf(answer: FlamegraphAnswer, value: number): number {
  const { samples, total } = answer.side
  return samples !== null && Number(total) > 0 ? (value / Number(total)) * samples : 0
}
