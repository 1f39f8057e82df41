import { useMemo } from 'preact/hooks'
import { Icon } from '../elements/icon.tsx'
import { Banner, Failure, Loading } from '../elements/notice.tsx'
import { factsOfNode, type Graph } from '../flamegraph/facts.ts'
import { FlamegraphView } from '../flamegraph/flamegraph-view.tsx'
import { visible } from '../flamegraph/label.ts'
import { layOutTree } from '../flamegraph/layout.ts'
import { diffShade, plainShade } from '../flamegraph/shade.ts'
import { change } from '../navigation.ts'
import type { Sides } from '../sides.ts'
import { useTheme } from '../theme.ts'
import type { UrlState } from '../url-state.ts'
import { useAnswer } from '../use-answer.ts'
import { DiffLegend } from './legend.tsx'
import type { Ask } from './load-graph.ts'
import { loadSandwich } from './load-sandwich.ts'
import { useMarks } from './use-marks.ts'

/** Who calls a function (growing upwards) and what it calls (downwards), over all its stacks. */
export function SandwichView(props: { state: UrlState; sides: Sides; ask: Ask; fn: string }) {
  const { sides, ask, fn, state } = props
  const key = JSON.stringify([sides.a?.part, sides.b.part, ask, fn])
  const answer = useAnswer(key, (signal) => loadSandwich(sides, { ...ask, function: fn }, signal))
  if (answer.error)
    return (
      <Failure
        what="Callers and callees could not be loaded."
        error={answer.error}
        onRetry={answer.retry}
      />
    )
  if (!answer.value) return <Loading what="callers and callees" />
  const { name, callers, callees, truncated, only } = answer.value
  const facts = factsOfNode(callees, 0)
  return (
    <section class="sandwich" aria-label="Callers and callees">
      <header class="sandwich-head">
        <h2 title={visible(name)}>
          <bdi>{visible(name)}</bdi>
        </h2>
        {facts.sides.map((side) => (
          <span key={side.letter} class={`side-${side.letter}`}>
            {side.letter} total {side.cumShare}, self {side.flatShare}
          </span>
        ))}
        {facts.change && (
          <strong>
            {facts.change.cum}, {facts.change.relative}
          </strong>
        )}
        <button
          type="button"
          class="button is-small"
          title="Back to the graph (Esc)"
          onClick={() => change({ panes: 'split', fn: null, frame: null, zoom: null })}
        >
          <Icon name="close" /> Close
        </button>
      </header>
      {only && (
        <Banner kind="info">
          Only side {only} has samples of this function; these are its callers and callees there.
        </Banner>
      )}
      {truncated && (
        <Banner kind="info">The smallest callers and callees are drawn together.</Banner>
      )}
      <Half title="Callers" graph={callers} state={state} orientation="up" />
      <Half title="Callees" graph={callees} state={state} orientation="down" />
      {callers.b && (
        <footer class="status">
          <p class="status-frame quiet">
            Colour shows size here: callers and callees carry no test of their own.
          </p>
          <DiffLegend />
        </footer>
      )}
    </section>
  )
}

function Half(props: { title: string; graph: Graph; state: UrlState; orientation: 'up' | 'down' }) {
  const { graph, state } = props
  const theme = useTheme()
  const layout = useMemo(() => layOutTree(graph.tree, graph.scales, 'union'), [graph])
  const shade = useMemo(
    () => (graph.b ? diffShade(graph.tree, layout, graph.scales) : plainShade(graph.tree)),
    [graph, layout],
  )
  const marks = useMarks(graph.tree, layout, state.search, null)
  const sandwichOf = (node: number): void => {
    if (node > 0) change({ fn: graph.tree.functions.id(graph.tree.fn[node] as number) })
  }
  return (
    <div class={`sandwich-half is-${props.orientation}`}>
      <h3>{props.title}</h3>
      <FlamegraphView
        label={`${props.title}, ${graph.tree.nodes} frames`}
        graph={graph}
        layout={layout}
        shade={shade}
        theme={theme}
        orientation={props.orientation}
        target={{ node: 0, zoom: null }}
        marks={marks.marks}
        onTarget={({ node }) => sandwichOf(node)}
        onSandwich={sandwichOf}
      />
    </div>
  )
}
