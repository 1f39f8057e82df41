import type { ColumnsHeader, Normalize } from '../../query/api.ts'
import { api } from '../api-client.ts'
import { decodeColumns } from '../flamegraph/columns.ts'
import type { Graph } from '../flamegraph/facts.ts'
import { scalesOf } from '../flamegraph/layout.ts'
import { buildTree } from '../flamegraph/tree.ts'
import type { Sides } from '../sides.ts'

export type Ask = { readonly type: string; readonly normalize: Normalize }

export type LoadedGraph = {
  readonly graph: Graph
  readonly certainty: string
  readonly truncated: ColumnsHeader['truncated']
}

/** One side's flame graph, or the comparison of two. */
export async function loadGraph(
  { a, b }: Sides,
  ask: Ask,
  signal: AbortSignal,
): Promise<LoadedGraph> {
  const bytes = a
    ? await api.diff(a.part, b.part, ask, signal)
    : await api.flamegraph(b.part, { type: ask.type }, signal)
  const columns = decodeColumns(bytes)
  const { header } = columns
  const other = header.b ?? null
  const normalize = header.normalize ?? 'share'
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
  }
}
