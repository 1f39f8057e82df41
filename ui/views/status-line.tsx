import { Icon } from '../elements/icon.tsx'
import type { Facts } from '../flamegraph/facts.ts'
import type { Theme } from '../flamegraph/palette.ts'
import type { Shade } from '../flamegraph/shade.ts'
import type { Tree } from '../flamegraph/tree.ts'
import { change } from '../navigation.ts'
import { DiffLegend, KindLegend } from './legend.tsx'

/** Under the graph: the frame the cursor is on, what can be done with it, and what colours mean. */
export function StatusLine(props: {
  facts: Facts
  tree: Tree
  shade: Shade
  theme: Theme
  zoomed: boolean
  /** Name of the function that is highlighted, '' when none is. */
  highlighted: string
  onNext: () => void
  onSandwich: (() => void) | null
}) {
  const { facts } = props
  return (
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
        {props.onSandwich && (
          <button
            type="button"
            class="button is-small"
            title="Callers and callees of this function (s)"
            onClick={props.onSandwich}
          >
            <Icon name="sandwich" /> Sandwich
          </button>
        )}
        {props.zoomed && (
          <button
            type="button"
            class="button is-small"
            title="Show the whole graph (Esc)"
            onClick={() => change({ frame: null, zoom: null })}
          >
            <Icon name="reset" /> Reset zoom
          </button>
        )}
        {props.highlighted !== '' && (
          <>
            <button
              type="button"
              class="button is-small"
              title={`Zoom to the next frame of ${props.highlighted} (n)`}
              onClick={props.onNext}
            >
              <Icon name="down" /> Next of it
            </button>
            <button
              type="button"
              class="button is-small"
              title={`Show every function alike again (Esc): ${props.highlighted}`}
              onClick={() => change({ fn: null })}
            >
              <Icon name="close" /> Highlight
            </button>
          </>
        )}
      </p>
      {props.shade.kind === 'diff' ? (
        <DiffLegend />
      ) : (
        <KindLegend tree={props.tree} theme={props.theme} />
      )}
    </footer>
  )
}
