import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { ServicesAnswer } from '../../query/api.ts'
import { Choice } from '../elements/choice.tsx'
import { Icon } from '../elements/icon.tsx'
import { Banner, Empty, Failure, Progress } from '../elements/notice.tsx'
import { factsOfNode, type Graph } from '../flamegraph/facts.ts'
import { FlamegraphView, type GraphTarget } from '../flamegraph/flamegraph-view.tsx'
import { layOutTree } from '../flamegraph/layout.ts'
import { findNodeById, nodeId } from '../flamegraph/node-id.ts'
import { diffShade, plainShade } from '../flamegraph/shade.ts'
import { formatCount, formatShare } from '../format-value.ts'
import { keyOf } from '../keys.ts'
import { change } from '../navigation.ts'
import { halves, isDecided, rangeOf, type Sides, sidesOf } from '../sides.ts'
import { useTheme } from '../theme.ts'
import { formatUrl, type ShownSide, type UrlState } from '../url-state.ts'
import { type Answer, useAnswer } from '../use-answer.ts'
import { Exports } from './exports.tsx'
import { FunctionTable, sandwichHref } from './function-table.tsx'
import { DiffLegend, KindLegend } from './legend.tsx'
import { type Ask, type LoadedGraph, loadGraph } from './load-graph.ts'
import { markdownTable } from './markdown.ts'
import { SandwichView } from './sandwich-view.tsx'
import { SearchBox } from './search-box.tsx'
import { SideBar } from './side-bar.tsx'
import { useMarks } from './use-marks.ts'
import { findService, typeOf } from './use-service.ts'

/** The flame graph of one selection, or the comparison of two. */
export function ProfileView(props: {
  state: UrlState
  services: Answer<ServicesAnswer>
  nowMs: number
}) {
  const { state, services, nowMs } = props
  const service = findService(services.value, state.service)
  const both = sidesOf(state, service, nowMs)
  const sides: Sides = state.page === 'diff' ? both : { a: null, b: both.b }
  const ready = isDecided(state) || services.value !== null
  const ask: Ask = { type: typeOf(state, service), normalize: state.normalize }
  const comparable = state.page !== 'diff' || sides.a !== null
  const key = ready && comparable ? JSON.stringify([sides.a?.part, sides.b.part, ask]) : null
  const loaded = useAnswer(key, (signal) => loadGraph(sides.a, sides.b, ask, signal))
  const graph = loaded.value?.graph ?? null
  const facts = graph && { a: graph.a, b: graph.b, unit: graph.unit }

  if (services.error && !ready)
    return (
      <Failure
        what="The services could not be loaded."
        error={services.error}
        onRetry={services.retry}
      />
    )
  if (ready && !comparable) return <NothingToCompare state={state} nowMs={nowMs} />
  return (
    <main class="profile">
      <SideBar state={state} sides={sides} service={service} facts={facts} nowMs={nowMs} />
      <Progress on={loaded.loading} />
      {loaded.error ? (
        <Failure
          what="The graph could not be loaded."
          error={loaded.error}
          onRetry={loaded.retry}
        />
      ) : (
        loaded.value && (
          <Explorer state={state} sides={sides} ask={ask} loaded={loaded.value} nowMs={nowMs} />
        )
      )}
    </main>
  )
}

function NothingToCompare({ state, nowMs }: { state: UrlState; nowMs: number }) {
  return (
    <main class="profile">
      <Empty title="There is only one version in this time range.">
        <p>
          A comparison needs two sides. Choose a longer range at the top right, or compare the two
          halves of this one.
        </p>
        <p>
          <a
            class="button is-main"
            href={formatUrl({ ...state, ...halves(state, rangeOf(state, nowMs)) })}
          >
            Compare the halves
          </a>{' '}
          <a class="button" href={formatUrl({ ...state, page: 'flame' })}>
            Plain flame graph
          </a>
        </p>
      </Empty>
    </main>
  )
}

const SHOWN: readonly ShownSide[] = ['a', 'diff', 'b']

function Explorer(props: {
  state: UrlState
  sides: Sides
  ask: Ask
  loaded: LoadedGraph
  nowMs: number
}) {
  const { state, sides, loaded } = props
  const { graph } = loaded
  const theme = useTheme()
  const shown = shownSide(graph, state)
  const mode = shown === 'diff' ? state.width : shown
  const layout = useMemo(
    () => layOutTree(graph.tree, graph.scales, graph.b ? mode : 'union'),
    [graph, mode],
  )
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

  const goTo = (next: GraphTarget, how: 'push' | 'replace'): void =>
    change({ frame: next.node > 0 ? nodeId(graph.tree, next.node) : null, zoom: next.zoom }, how)
  const stepMatch = (by: 1 | -1): void => {
    const nodes = marks.matches?.nodes ?? []
    if (nodes.length === 0) return
    stop.current = (stop.current + by + nodes.length) % nodes.length
    goTo({ node: nodes[stop.current] as number, zoom: null }, 'replace')
  }
  useEffect(() => {
    stop.current = -1
  }, [marks.marks])

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const key = keyOf(event)
      if (key === 'n') stepMatch(1)
      else if (key === 'N') stepMatch(-1)
      else if (key === 'd' && graph.b) change({ side: nextSide(shown), ...KEEP_FRAME })
      else if (key === 'Escape') leave(state)
      else if (key === '/') document.getElementById('search')?.focus()
      else return
      event.preventDefault()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  })

  const facts = factsOfNode(graph, cursor < graph.tree.nodes ? cursor : 0)
  const sandwichOf = (node: number): void =>
    change({
      panes: 'sandwich',
      fn: graph.tree.functions.id(graph.tree.fn[node] as number),
      frame: null,
      zoom: null,
    })
  const label = graph.b
    ? `Differential flame graph, ${formatCount(graph.tree.nodes)} frames`
    : `Flame graph, ${formatCount(graph.tree.nodes)} frames`
  return (
    <>
      <Toolbar state={state} graph={graph} shown={shown}>
        <SearchBox search={state.search} marks={marks} onStep={stepMatch} />
        <Exports
          sides={sides}
          ask={props.ask}
          nowMs={props.nowMs}
          markdown={() => markdownTable(graph, layout, 20)}
          picture={null}
        />
      </Toolbar>
      <Banners loaded={loaded} state={state} />
      {state.panes === 'sandwich' && state.fn !== null ? (
        <SandwichView state={state} sides={sides} ask={props.ask} fn={state.fn} />
      ) : (
        <div class={`panes is-${state.panes}`}>
          {state.panes !== 'table' &&
            (layout.total > 0 ? (
              <section class="pane" aria-label="Flame graph">
                <FlamegraphView
                  label={label}
                  graph={graph}
                  layout={layout}
                  shade={shade}
                  theme={theme}
                  orientation={state.upward ? 'up' : 'down'}
                  target={target}
                  marks={marks.marks}
                  onTarget={goTo}
                  onSandwich={sandwichOf}
                  onCursor={setCursor}
                />
                <footer class="status">
                  <p class="status-frame">
                    <strong>
                      <bdi>{facts.name}</bdi>
                    </strong>
                    {facts.sides.map((side) => (
                      <span key={side.letter} class={`side-${side.letter}`}>
                        {side.letter} {side.cumShare}
                      </span>
                    ))}
                    {facts.change && (
                      <span>
                        {facts.change.cum}, {facts.change.relative}
                      </span>
                    )}
                    {cursor > 0 && (
                      <button
                        type="button"
                        class="button is-small"
                        title="Callers and callees of this function (s)"
                        onClick={() => sandwichOf(cursor)}
                      >
                        <Icon name="sandwich" /> Sandwich
                      </button>
                    )}
                    {(target.node > 0 || target.zoom) && (
                      <button
                        type="button"
                        class="button is-small"
                        title="Show the whole graph (Esc)"
                        onClick={() => change({ frame: null, zoom: null })}
                      >
                        <Icon name="reset" /> Reset zoom
                      </button>
                    )}
                  </p>
                  {shade.kind === 'diff' ? (
                    <DiffLegend />
                  ) : (
                    <KindLegend tree={graph.tree} theme={theme} />
                  )}
                </footer>
              </section>
            ) : (
              <NoSamples state={state} />
            ))}
          {state.panes !== 'graph' && (
            <section class="pane is-table" aria-label="Functions">
              <FunctionTable
                state={{ ...state, type: props.ask.type }}
                sides={sides}
                href={(fn) => sandwichHref(state, fn)}
                refresh={0}
              />
            </section>
          )}
        </div>
      )}
    </>
  )
}

const KEEP_FRAME = { zoom: null } as const

function shownSide(graph: Graph, state: UrlState): ShownSide {
  if (!graph.b) return 'diff'
  // With nothing on one side a comparison would call everything new or gone.
  if (Number(graph.a.total) <= 0) return 'b'
  if (Number(graph.b.total) <= 0) return 'a'
  return state.side
}

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
        Nothing of <bdi>{state.service}</bdi> was sampled in this range
        {state.where !== '' && ' with these filters'}. Choose a longer range at the top right
        {state.where !== '' && ' or take filters away'}.
      </p>
    </Empty>
  )
}

const NORMALIZE_TEXT = {
  share:
    'Values are shares of each side: a frame stays grey while its part of the whole stays the same, however the load changed.',
  host: 'Values are per profiled host and second: more load shows as growth of everything.',
  raw: 'Values are plain sums: compare them only for the same hosts, length and sampling rate.',
} as const

function Banners({ loaded, state }: { loaded: LoadedGraph; state: UrlState }) {
  const { graph, truncated } = loaded
  const empty =
    graph.b && (Number(graph.a.total) <= 0 ? 'A' : Number(graph.b.total) <= 0 ? 'B' : '')
  return (
    <div class="banners">
      {empty && (
        <Banner kind="warning">
          Side {empty} has no samples, so there is nothing to compare: this is the plain flame graph
          of side {empty === 'A' ? 'B' : 'A'}.
        </Banner>
      )}
      {graph.b && !empty && (
        <Banner kind={state.normalize === 'raw' && differs(graph) ? 'warning' : 'info'}>
          {NORMALIZE_TEXT[graph.normalize]}
          {state.normalize === 'raw' &&
            differs(graph) &&
            ' The two sides differ in hosts or length.'}{' '}
          {loaded.certainty}
        </Banner>
      )}
      {truncated && (
        <Banner kind="info">
          {formatCount(truncated.frames)} frames are drawn together as their callers’ “smaller
          frames”, each below {formatShare(truncated.belowShare)} of a side.
        </Banner>
      )}
    </div>
  )
}

function differs(graph: Graph): boolean {
  const a = graph.a.hostSeconds
  const b = graph.b?.hostSeconds ?? 0
  return Math.abs(a - b) > 0.05 * Math.max(a, b) || graph.a.hosts !== graph.b?.hosts
}

function Toolbar(props: {
  state: UrlState
  graph: Graph
  shown: ShownSide
  children: preact.ComponentChildren
}) {
  const { state, graph, shown } = props
  return (
    <div class="toolbar" role="toolbar" aria-label="View">
      <Choice
        name="panes"
        label="Panes"
        value={state.panes === 'sandwich' ? 'split' : state.panes}
        options={[
          { value: 'split', label: 'Both' },
          { value: 'graph', label: 'Graph' },
          { value: 'table', label: 'Table' },
        ]}
        onChange={(panes) => change({ panes })}
      />
      {graph.b && (
        <Choice
          name="side"
          label="What the graph shows (d)"
          value={shown}
          options={[
            { value: 'a', label: 'A' },
            { value: 'diff', label: 'Difference' },
            { value: 'b', label: 'B' },
          ]}
          onChange={(side) => change({ side, ...KEEP_FRAME })}
        />
      )}
      {graph.b && (
        <label class="field">
          <span>Compare by</span>
          <select
            value={state.normalize}
            onChange={(event) =>
              change({ normalize: event.currentTarget.value as UrlState['normalize'] })
            }
          >
            <option value="share">share of side</option>
            <option value="host">host and second</option>
            <option value="raw">plain sum</option>
          </select>
        </label>
      )}
      {graph.b && shown === 'diff' && (
        <label class="field">
          <span>Width</span>
          <select
            value={state.width}
            onChange={(event) =>
              change({ width: event.currentTarget.value as UrlState['width'], zoom: null })
            }
          >
            <option value="union">A and B</option>
            <option value="a">A only</option>
            <option value="b">B only</option>
          </select>
        </label>
      )}
      <button
        type="button"
        class="button is-icon"
        aria-pressed={state.upward}
        title={state.upward ? 'Root at the top' : 'Root at the bottom'}
        onClick={() => change({ upward: !state.upward })}
      >
        <Icon name="flip" />
        <span class="unseen">Turn the graph over</span>
      </button>
      {props.children}
    </div>
  )
}
