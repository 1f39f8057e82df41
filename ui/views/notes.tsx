import { Banner } from '../elements/notice.tsx'
import type { Graph } from '../flamegraph/facts.ts'
import { formatCount, formatShare } from '../format-value.ts'
import type { LoadedGraph } from './load-graph.ts'

const NORMALIZE_TEXT = {
  share:
    'Compared by share of each side: a frame stays grey while its part of the whole does, however the load changed.',
  host: 'Compared per profiled host and second: more load shows as growth of everything.',
  raw: 'Compared as plain sums: right for the same hosts, length and sampling rate only.',
} as const

/** What must be known to read the graph rightly: how sides are compared, what rests on what, what was cut. */
export function Notes({ loaded }: { loaded: LoadedGraph }) {
  const { graph, truncated, certainty } = loaded
  const empty = emptySide(graph)
  const cut =
    truncated &&
    `The ${formatCount(truncated.frames)} smallest frames are drawn together, each below ${formatShare(truncated.belowShare)} of a side.`
  if (empty)
    return (
      <Banner kind="warning">
        Side {empty} has no samples, so there is nothing to compare: this is the plain flame graph
        of side {empty === 'A' ? 'B' : 'A'}.
      </Banner>
    )
  if (graph.b && graph.normalize === 'raw' && differs(graph))
    return (
      <Banner kind="warning">
        {NORMALIZE_TEXT.raw} These two sides differ in hosts or length. {certainty} {cut}
      </Banner>
    )
  const text = [graph.b && NORMALIZE_TEXT[graph.normalize], graph.b && certainty, cut]
  const said = text.filter(Boolean).join(' ')
  return said === '' ? null : <Banner kind="info">{said}</Banner>
}

export function emptySide(graph: Graph): 'A' | 'B' | null {
  if (!graph.b) return null
  if (Number(graph.a.total) <= 0) return 'A'
  return Number(graph.b.total) <= 0 ? 'B' : null
}

function differs(graph: Graph): boolean {
  const a = graph.a.hostSeconds
  const b = graph.b?.hostSeconds ?? 0
  return Math.abs(a - b) > 0.05 * Math.max(a, b) || graph.a.hosts !== graph.b?.hosts
}
