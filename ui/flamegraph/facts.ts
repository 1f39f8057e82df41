import type { Normalize, Side } from '../../query/api.ts'
import {
  formatConfidence,
  formatCores,
  formatPoints,
  formatRelative,
  formatShare,
  formatSigned,
  formatValue,
} from '../format-value.ts'
import { visible } from './label.ts'
import type { Scales } from './layout.ts'
import { flatOf, type Tree } from './tree.ts'

// What the page says about a frame, in words and numbers: the tooltip, the status line and the ARIA
// mirror all say the same. Shares always refer to the whole profile, whatever is zoomed.

/** A tree with what its numbers mean. */
export type Graph = {
  readonly tree: Tree
  readonly unit: string
  readonly normalize: Normalize
  readonly scales: Scales
  readonly a: Side
  /** Null: one side only, and it stands in `a`. */
  readonly b: Side | null
}

export type Measured = {
  readonly letter: 'A' | 'B' | ''
  readonly flatShare: string
  readonly cumShare: string
  readonly flat: string
  readonly cum: string
  /** CPU time per profiled host as cores, or null where the unit is no time. */
  readonly rate: string | null
}

export type Change = {
  readonly flat: string
  readonly cum: string
  readonly relative: string
  readonly confidence: string
}

export type Facts = {
  readonly name: string
  readonly where: string
  readonly sides: readonly Measured[]
  readonly change: Change | null
}

export function factsOfNode(graph: Graph, node: number): Facts {
  const { tree } = graph
  const f = tree.fn[node] ?? 0
  const { functions } = tree
  const place = [functions.file(f), functions.module(f)].filter((part) => part !== '')
  const kind = functions.kind(f)
  return factsOf(graph, {
    name: visible(functions.name(f)),
    where:
      functions.id(f) === '0' ? '' : [...place, kind].filter((part) => part !== '').join(' · '),
    flatA: flatOf(tree, tree.cumA, node),
    flatB: flatOf(tree, tree.cumB, node),
    cumA: tree.cumA[node] ?? 0,
    cumB: tree.cumB[node] ?? 0,
    confidence: (tree.confidence?.[node] ?? 0) / 255,
  })
}

/** Of frames first..last of one level, drawn as one block because each is too narrow. */
export function factsOfRun(graph: Graph, first: number, last: number): Facts {
  const { tree } = graph
  let cumA = 0
  let cumB = 0
  for (let i = first; i <= last; i++) {
    cumA += tree.cumA[i] ?? 0
    cumB += tree.cumB[i] ?? 0
  }
  const widest = visible(tree.functions.name(tree.fn[first] ?? 0))
  return factsOf(graph, {
    name: `${last - first + 1} narrow frames`,
    where: `${widest} and others; click to zoom in`,
    flatA: Number.NaN,
    flatB: Number.NaN,
    cumA,
    cumB,
    confidence: Number.NaN,
  })
}

type Values = {
  readonly name: string
  readonly where: string
  readonly flatA: number
  readonly flatB: number
  readonly cumA: number
  readonly cumB: number
  readonly confidence: number
}

function factsOf(graph: Graph, values: Values): Facts {
  const { a, b, scales } = graph
  const one = measure(graph, b ? 'A' : '', a, values.flatA, values.cumA)
  if (!b) return { name: values.name, where: values.where, sides: [one], change: null }
  const two = measure(graph, 'B', b, values.flatB, values.cumB)
  return {
    name: values.name,
    where: values.where,
    sides: [one, two],
    change: {
      flat: delta(graph, values.flatA * scales.a, values.flatB * scales.b),
      cum: delta(graph, values.cumA * scales.a, values.cumB * scales.b),
      relative: formatRelative(values.cumA * scales.a, values.cumB * scales.b),
      confidence: Number.isNaN(values.confidence) ? '' : certainty(values),
    },
  }
}

function certainty(values: Values): string {
  const words = formatConfidence(values.confidence)
  if (values.confidence > 0) return words
  if (values.cumA === 0 && values.cumB > 0) return 'only in B, too few samples to be sure'
  if (values.cumB === 0 && values.cumA > 0) return 'only in A, too few samples to be sure'
  return words
}

function measure(
  graph: Graph,
  letter: Measured['letter'],
  side: Side,
  flat: number,
  cum: number,
): Measured {
  const total = Number(side.total)
  const share = (value: number): number => (total > 0 ? value / total : 0)
  return {
    letter,
    flatShare: formatShare(share(flat)),
    cumShare: formatShare(share(cum)),
    flat: formatValue(flat, graph.unit),
    cum: formatValue(cum, graph.unit),
    rate:
      graph.unit === 'nanoseconds' && side.hostSeconds > 0
        ? `${formatCores(cum / 1e9 / side.hostSeconds)} cores per host`
        : null,
  }
}

/** The difference of two normalised values, in the words of the normalisation. */
export function delta(graph: Pick<Graph, 'normalize' | 'unit'>, xA: number, xB: number): string {
  const change = xB - xA
  if (graph.normalize === 'share') return formatPoints(change)
  if (graph.normalize === 'raw') return formatSigned(change, (v) => formatValue(v, graph.unit))
  return formatSigned(change, (v) => `${formatValue(v, graph.unit)}/s`)
}

/** One sentence for screen readers. */
export function sentenceOf(facts: Facts): string {
  const parts = facts.sides.map(
    (side) =>
      `${side.letter === '' ? '' : `${side.letter} `}total ${side.cumShare}, self ${side.flatShare}`,
  )
  if (facts.change) parts.push(`${facts.change.relative}, ${facts.change.confidence}`)
  return `${facts.name}: ${parts.join('; ')}`
}
