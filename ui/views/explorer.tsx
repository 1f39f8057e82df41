import { useEffect, useRef, useState } from 'preact/hooks'
import type { Service } from '../../query/api.ts'
import { Divider, readSplit } from '../elements/divider.tsx'
import { Icon } from '../elements/icon.tsx'
import { Menu } from '../elements/menu.tsx'
import { Empty, Failure, Loading } from '../elements/notice.tsx'
import type { Graph } from '../flamegraph/facts.ts'
import type { GraphCanvas } from '../flamegraph/graph-canvas.ts'
import { visible } from '../flamegraph/label.ts'
import { keyOf } from '../keys.ts'
import { lazy } from '../lazy.tsx'
import { change } from '../navigation.ts'
import { neighbourDeploy, type Sides } from '../sides.ts'
import { formatUrl, type ShownSide, type UrlState } from '../url-state.ts'
import type { Answer } from '../use-answer.ts'
import { FunctionTable } from './function-table.tsx'
import { type Found, GraphPane } from './graph-pane.tsx'
import type { Ask, LoadedGraph } from './load-graph.ts'
import { emptySide, Notes } from './notes.tsx'
import { SearchBox } from './search-box.tsx'
import { Toolbar } from './toolbar.tsx'

const Exports = lazy(async () => (await import('./exports.tsx')).Exports)
const SandwichView = lazy(async () => (await import('./sandwich-view.tsx')).SandwichView)

/**
 * Toolbar, graph and table of what was asked for. Everything that does not need the graph is there
 * before it: the first picture then has less to wait for, and nothing jumps.
 */
export function Explorer(props: {
  state: UrlState
  sides: Sides
  service: Service | null
  ask: Ask
  answer: Answer<LoadedGraph>
  nowMs: number
}) {
  const { state, sides, ask, answer } = props
  const loaded = answer.value
  const shown = shownSide(loaded?.graph ?? null, sides, state)
  const drawing = useRef<GraphCanvas | null>(null)
  const [found, setFound] = useState<Found | null>(null)
  useExplorerKeys({ state, sides, service: props.service, shown, found })
  return (
    <>
      <Toolbar state={state} compared={sides.a !== null} shown={shown}>
        <SearchBox
          search={state.search}
          marks={found?.marks ?? null}
          onStep={(by) => found?.step(by)}
        />
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
              ask={ask}
              nowMs={props.nowMs}
              graph={loaded?.graph ?? null}
              drawing={found ? drawing : null}
            />
          )}
        </Menu>
      </Toolbar>
      {loaded && <Notes loaded={loaded} />}
      {state.panes === 'sandwich' && state.fn !== null ? (
        <SandwichView.View state={state} sides={sides} ask={ask} fn={state.fn} />
      ) : (
        <Panes {...props} shown={shown} drawing={drawing} onFound={setFound} />
      )}
    </>
  )
}

function Panes(props: {
  state: UrlState
  sides: Sides
  ask: Ask
  answer: Answer<LoadedGraph>
  shown: ShownSide
  drawing: { current: GraphCanvas | null }
  onFound: (found: Found | null) => void
}) {
  const { state, answer } = props
  const panes = useRef<HTMLDivElement>(null)
  const [split, setSplit] = useState(readSplit)
  const graph = answer.value?.graph ?? null
  if (graph && Number(graph.a.total) <= 0 && Number(graph.b?.total ?? 0) <= 0)
    return <NoSamples state={state} />
  return (
    <div ref={panes} class={`panes is-${state.panes}`} style={{ '--split': `${split}%` }}>
      {state.panes !== 'table' && (
        <section class="pane is-graph-pane" aria-label="Flame graph">
          {answer.error ? (
            <Failure
              what="The graph could not be loaded."
              error={answer.error}
              onRetry={answer.retry}
            />
          ) : graph ? (
            <GraphPane
              state={state}
              graph={graph}
              shown={props.shown}
              drawing={props.drawing}
              onFound={props.onFound}
            />
          ) : (
            <Loading what="the graph" />
          )}
        </section>
      )}
      {state.panes !== 'table' && state.panes !== 'graph' && (
        <Divider percent={split} panes={panes} onMove={setSplit} />
      )}
      {state.panes !== 'graph' && (
        <section class="pane is-table-pane" aria-label="Functions">
          <FunctionTable
            state={{ ...state, type: props.ask.type }}
            sides={props.sides}
            href={(fn) => rowHref(state, fn)}
          />
        </section>
      )}
    </div>
  )
}

// Beside the graph a row lights its function up there, alone it leads to callers and callees.
function rowHref(state: UrlState, fn: string): string {
  return formatUrl(
    state.panes === 'table'
      ? { ...state, panes: 'sandwich', fn }
      : { ...state, fn: fn === state.fn ? null : fn },
  )
}

function shownSide(graph: Graph | null, sides: Sides, state: UrlState): ShownSide {
  // With nothing on one side a comparison would call everything new or gone.
  const empty = graph && emptySide(graph)
  if (empty) return empty === 'A' ? 'b' : 'a'
  return sides.a ? state.side : 'diff'
}

const SHOWN: readonly ShownSide[] = ['a', 'diff', 'b']

function nextSide(shown: ShownSide): ShownSide {
  return SHOWN[(SHOWN.indexOf(shown) + 1) % SHOWN.length] as ShownSide
}

function useExplorerKeys(props: {
  state: UrlState
  sides: Sides
  service: Service | null
  shown: ShownSide
  found: Found | null
}): void {
  const { state, sides, service, shown, found } = props
  useEffect(() => {
    const press = (event: KeyboardEvent): boolean => {
      const key = keyOf(event)
      if (key === 'n') found?.step(1)
      else if (key === 'N') found?.step(-1)
      else if (key === 'd' && sides.a) change({ side: nextSide(shown), zoom: null })
      else if (key === 'r') change({ fold: !state.fold, frame: null, zoom: null })
      else if (key === '/') document.getElementById('search')?.focus()
      else if (key === 'Escape') leave(state)
      else if (key === '[' || key === ']') {
        const deploy = neighbourDeploy(service, sides, key === ']' ? 'newer' : 'older')
        if (deploy) change({ ...deploy, frame: null, zoom: null })
      } else return false
      return true
    }
    const onKey = (event: KeyboardEvent): void => {
      if (press(event)) event.preventDefault()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  })
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
