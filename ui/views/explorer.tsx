import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Service } from '../../query/api.ts'
import { announce } from '../announce.ts'
import { Divider, readSplit } from '../elements/divider.tsx'
import { Icon } from '../elements/icon.tsx'
import { Menu } from '../elements/menu.tsx'
import { Empty } from '../elements/notice.tsx'
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
import { keyOf } from '../keys.ts'
import { lazy } from '../lazy.tsx'
import { change } from '../navigation.ts'
import { neighbourDeploy, type Sides } from '../sides.ts'
import { useTheme } from '../theme.ts'
import { formatUrl, type ShownSide, type UrlState } from '../url-state.ts'
import { FunctionTable } from './function-table.tsx'
import type { Ask, LoadedGraph } from './load-graph.ts'
import { emptySide, Notes } from './notes.tsx'
import { SearchBox } from './search-box.tsx'
import { StatusLine } from './status-line.tsx'
import { Toolbar } from './toolbar.tsx'
import { useMarks } from './use-marks.ts'

const Exports = lazy(async () => (await import('./exports.tsx')).Exports)
const SandwichView = lazy(async () => (await import('./sandwich-view.tsx')).SandwichView)

/** A loaded graph with its table, search and keys. */
export function Explorer(props: {
  state: UrlState
  sides: Sides
  service: Service | null
  ask: Ask
  loaded: LoadedGraph
  nowMs: number
}) {
  const { state, sides, loaded } = props
  const theme = useTheme()
  const panes = useRef<HTMLDivElement>(null)
  const drawing = useRef<GraphCanvas | null>(null)
  const [split, setSplit] = useState(readSplit)
  const graph = useMemo<Graph>(
    () =>
      state.fold
        ? { ...loaded.graph, tree: foldRecursion(loaded.graph.tree, loaded.graph.scales) }
        : loaded.graph,
    [loaded, state.fold],
  )
  const shown = shownSide(graph, state)
  const mode = !graph.b ? 'union' : shown === 'diff' ? state.width : shown
  const layout = useMemo(() => layOutTree(graph.tree, graph.scales, mode), [graph, mode])
  const shade = useMemo(
    () =>
      graph.b && shown === 'diff'
        ? diffShade(graph.tree, layout, graph.scales)
        : plainShade(graph.tree),
    [graph, layout, shown],
  )
  const target = useMemo<GraphTarget>(() => {
    const node = state.frame === null ? 0 : Math.max(0, findNodeById(graph.tree, state.frame))
    return { node, zoom: state.zoom }
  }, [graph, state.frame, state.zoom?.[0], state.zoom?.[1]])
  const marks = useMarks(graph.tree, layout, state.search, state.fn)
  const [cursor, setCursor] = useState(target.node)
  const stop = useRef(-1)
  useEffect(() => {
    stop.current = -1
  }, [marks.marks])

  useEffect(() => announce(`${formatCount(graph.tree.nodes)} frames loaded`), [loaded])

  const goTo = (next: GraphTarget, how: 'push' | 'replace'): void =>
    change({ frame: next.node > 0 ? nodeId(graph.tree, next.node) : null, zoom: next.zoom }, how)
  const stepMatch = (by: 1 | -1): void => {
    const nodes = marks.matches?.nodes ?? []
    if (nodes.length === 0) return
    stop.current = (Math.max(stop.current, by === 1 ? -1 : 0) + by + nodes.length) % nodes.length
    goTo({ node: nodes[stop.current] as number, zoom: null }, 'replace')
  }
  const functionOf = (node: number): string => graph.tree.functions.id(graph.tree.fn[node] ?? 0)
  const sandwichOf = (node: number): void =>
    change({ panes: 'sandwich', fn: functionOf(node), frame: null, zoom: null })

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const key = keyOf(event)
      const deploy =
        key === '[' || key === ']'
          ? neighbourDeploy(props.service, sides, key === ']' ? 'newer' : 'older')
          : null
      if (key === 'n') stepMatch(1)
      else if (key === 'N') stepMatch(-1)
      else if (key === 'd' && graph.b) change({ side: nextSide(shown), zoom: null })
      else if (key === 'r') change({ fold: !state.fold, frame: null, zoom: null })
      else if (key === 'Escape') leave(state)
      else if (key === '/') document.getElementById('search')?.focus()
      else if (deploy) change({ ...deploy, frame: null, zoom: null })
      else return
      event.preventDefault()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  })

  const node = cursor < graph.tree.nodes ? cursor : 0
  const marked = state.fn === null ? -1 : findFunction(graph.tree.functions, state.fn)
  const kind = graph.b ? 'Differential flame graph' : 'Flame graph'
  const hasGraph = state.panes !== 'table' && state.panes !== 'sandwich' && layout.total > 0
  return (
    <>
      <Toolbar state={state} compared={graph.b !== null} shown={shown}>
        <SearchBox search={state.search} marks={marks} onStep={stepMatch} />
        <Menu
          title="Copy or download"
          align="right"
          label={
            <>
              <Icon name="share" />
              <span class="is-wide-only">Share</span>
            </>
          }
        >
          {() => (
            <Exports.View
              sides={sides}
              ask={props.ask}
              nowMs={props.nowMs}
              graph={graph}
              layout={layout}
              drawing={hasGraph ? drawing : null}
            />
          )}
        </Menu>
      </Toolbar>
      <Notes loaded={loaded} />
      {state.panes === 'sandwich' && state.fn !== null ? (
        <SandwichView.View state={state} sides={sides} ask={props.ask} fn={state.fn} />
      ) : (
        <div ref={panes} class={`panes is-${state.panes}`} style={{ '--split': `${split}%` }}>
          {hasGraph && (
            <section class="pane is-graph-pane" aria-label="Flame graph">
              <FlamegraphView
                label={`${kind}, ${formatCount(graph.tree.nodes)} frames`}
                graph={graph}
                layout={layout}
                shade={shade}
                theme={theme}
                orientation={state.upward ? 'up' : 'down'}
                target={target}
                marks={marks.marks}
                drawing={drawing}
                onTarget={goTo}
                onSandwich={sandwichOf}
                onCursor={setCursor}
              />
              <StatusLine
                facts={factsOfNode(graph, node)}
                tree={graph.tree}
                shade={shade}
                theme={theme}
                zoomed={target.node > 0 || target.zoom !== null}
                highlighted={marked < 0 ? '' : visible(graph.tree.functions.name(marked))}
                onNext={() => stepMatch(1)}
                onSandwich={node > 0 ? () => sandwichOf(node) : null}
              />
            </section>
          )}
          {!hasGraph && state.panes !== 'table' && <NoSamples state={state} />}
          {hasGraph && state.panes === 'split' && (
            <Divider percent={split} panes={panes} onMove={setSplit} />
          )}
          {state.panes !== 'graph' && layout.total > 0 && (
            <section class="pane is-table-pane" aria-label="Functions">
              <FunctionTable
                state={{ ...state, type: props.ask.type }}
                sides={sides}
                href={(fn) =>
                  formatUrl(
                    state.panes === 'table'
                      ? { ...state, panes: 'sandwich', fn }
                      : { ...state, fn: fn === state.fn ? null : fn },
                  )
                }
              />
            </section>
          )}
        </div>
      )}
    </>
  )
}

function shownSide(graph: Graph, state: UrlState): ShownSide {
  // With nothing on one side a comparison would call everything new or gone.
  const empty = emptySide(graph)
  if (empty) return empty === 'A' ? 'b' : 'a'
  return graph.b ? state.side : 'diff'
}

const SHOWN: readonly ShownSide[] = ['a', 'diff', 'b']

function nextSide(shown: ShownSide): ShownSide {
  return SHOWN[(SHOWN.indexOf(shown) + 1) % SHOWN.length] as ShownSide
}

// Esc undoes one step: zoom, then sandwich or highlighted function, then the search.
function leave(state: UrlState): void {
  if (state.frame !== null || state.zoom) change({ frame: null, zoom: null })
  else if (state.panes === 'sandwich') change({ panes: 'split', fn: null })
  else if (state.fn !== null) change({ fn: null })
  else if (state.search !== '') change({ search: '' })
}

function NoSamples({ state }: { state: UrlState }) {
  return (
    <Empty title="There are no samples here.">
      <p>
        Nothing of <bdi>{visible(state.service)}</bdi> was sampled in this range
        {state.where !== '' && ' with these filters'}. Choose a longer range at the top right
        {state.where !== '' && ' or take filters away'}.
      </p>
    </Empty>
  )
}
