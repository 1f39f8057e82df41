import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { announce } from '../announce.ts'
import { factsOfNode, type Graph } from '../flamegraph/facts.ts'
import { FlamegraphView, type GraphTarget } from '../flamegraph/flamegraph-view.tsx'
import { findFunction } from '../flamegraph/functions.ts'
import type { GraphCanvas } from '../flamegraph/graph-canvas.ts'
import { visible } from '../flamegraph/label.ts'
import { layOutTree } from '../flamegraph/layout.ts'
import { findNodeById, nodeId } from '../flamegraph/node-id.ts'
import { foldRecursion } from '../flamegraph/recursion.ts'
import { diffShade, plainShade } from '../flamegraph/shade.ts'
import { formatCount } from '../format-value.ts'
import { change } from '../navigation.ts'
import { useTheme } from '../theme.ts'
import type { ShownSide, UrlState } from '../url-state.ts'
import { StatusLine } from './status-line.tsx'
import { type Marks, useMarks } from './use-marks.ts'

/** What a search found in the graph on screen, and the way to the next of it. */
export type Found = { readonly marks: Marks; readonly step: (by: 1 | -1) => void }

/** A loaded graph as the address wants it seen. */
export function GraphPane(props: {
  state: UrlState
  graph: Graph
  shown: ShownSide
  drawing: RefObject<GraphCanvas | null>
  onFound: (found: Found | null) => void
}) {
  const { state, shown } = props
  const theme = useTheme()
  const graph = useMemo<Graph>(
    () =>
      state.fold
        ? { ...props.graph, tree: foldRecursion(props.graph.tree, props.graph.scales) }
        : props.graph,
    [props.graph, state.fold],
  )
  const { tree } = graph
  const mode = !graph.b ? 'union' : shown === 'diff' ? state.width : shown
  const layout = useMemo(() => layOutTree(tree, graph.scales, mode), [graph, mode])
  const shade = useMemo(
    () => (graph.b && shown === 'diff' ? diffShade(tree, layout, graph.scales) : plainShade(tree)),
    [graph, layout, shown],
  )
  const target = useMemo<GraphTarget>(() => {
    const node = state.frame === null ? 0 : Math.max(0, findNodeById(tree, state.frame))
    return { node, zoom: state.zoom }
  }, [graph, state.frame, state.zoom?.[0], state.zoom?.[1]])
  const marks = useMarks(tree, layout, state.search, state.fn)
  const [chosen, setCursor] = useState(target.node)
  const cursor = chosen < tree.nodes ? chosen : 0

  const goTo = (next: GraphTarget, how: 'push' | 'replace'): void =>
    change({ frame: next.node > 0 ? nodeId(tree, next.node) : null, zoom: next.zoom }, how)
  const stop = useRef(-1)
  const step = (by: 1 | -1): void => {
    const nodes = marks.matches?.nodes ?? []
    if (nodes.length === 0) return
    stop.current = (Math.max(stop.current, by === 1 ? -1 : 0) + by + nodes.length) % nodes.length
    goTo({ node: nodes[stop.current] as number, zoom: null }, 'replace')
  }
  useLayoutEffect(() => {
    stop.current = -1
    props.onFound({ marks, step })
    return () => props.onFound(null)
  }, [marks.marks, marks.bad, graph])
  useEffect(() => announce(`${formatCount(tree.nodes)} frames loaded`), [props.graph])

  const sandwichOf = (node: number): void => {
    const fn = tree.functions.id(tree.fn[node] ?? 0)
    change({ panes: 'sandwich', fn, frame: null, zoom: null })
  }
  const marked = state.fn === null ? -1 : findFunction(tree.functions, state.fn)
  const kind = graph.b ? 'Differential flame graph' : 'Flame graph'
  return (
    <>
      <FlamegraphView
        label={`${kind}, ${formatCount(tree.nodes)} frames`}
        graph={graph}
        layout={layout}
        shade={shade}
        theme={theme}
        orientation={state.upward ? 'up' : 'down'}
        target={target}
        marks={marks.marks}
        drawing={props.drawing}
        onTarget={goTo}
        onSandwich={sandwichOf}
        onCursor={setCursor}
      />
      <StatusLine
        facts={factsOfNode(graph, cursor)}
        tree={tree}
        shade={shade}
        theme={theme}
        zoomed={target.node > 0 || target.zoom !== null}
        highlighted={marked < 0 ? '' : visible(tree.functions.name(marked))}
        onNext={() => step(1)}
        onSandwich={cursor > 0 ? () => sandwichOf(cursor) : null}
      />
    </>
  )
}
