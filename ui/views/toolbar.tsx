import type { ComponentChildren } from 'preact'
import { Choice } from '../elements/choice.tsx'
import { Icon } from '../elements/icon.tsx'
import { change } from '../navigation.ts'
import type { ShownSide, UrlState } from '../url-state.ts'

const NORMALIZE = [
  ['share', 'share of side'],
  ['host', 'host and second'],
  ['raw', 'plain sum'],
] as const

const WIDTHS = [
  ['union', 'A and B'],
  ['a', 'A only'],
  ['b', 'B only'],
] as const

/** How the graph is shown; everything here is in the address. */
export function Toolbar(props: {
  state: UrlState
  compared: boolean
  shown: ShownSide
  children: ComponentChildren
}) {
  const { state, shown } = props
  const isSandwich = state.panes === 'sandwich'
  const hasGraph = state.panes === 'split' || state.panes === 'graph'
  const compared = props.compared && hasGraph
  return (
    <div class="toolbar">
      <Choice
        name="panes"
        label="Panes"
        value={state.panes}
        options={[
          { value: 'split', label: 'Both' },
          { value: 'graph', label: 'Graph' },
          { value: 'table', label: 'Table' },
        ]}
        onChange={(panes) => change(isSandwich ? { panes, fn: null } : { panes })}
      />
      {compared && (
        <Choice
          name="side"
          label="What the graph shows (d)"
          value={shown}
          options={[
            { value: 'a', label: 'A' },
            { value: 'diff', label: 'Difference' },
            { value: 'b', label: 'B' },
          ]}
          onChange={(side) => change({ side, zoom: null })}
        />
      )}
      {props.compared && (
        <Pick
          label="Compare by"
          value={state.normalize}
          options={NORMALIZE}
          onChange={(normalize) => change({ normalize })}
        />
      )}
      {compared && shown === 'diff' && (
        <Pick
          label="Width"
          value={state.width}
          options={WIDTHS}
          onChange={(width) => change({ width, zoom: null })}
        />
      )}
      {hasGraph && (
        <span class="button-group">
          <Toggle
            icon="flip"
            on={state.upward}
            title="Root at the bottom"
            onClick={() => change({ upward: !state.upward })}
          />
          <Toggle
            icon="fold"
            on={state.fold}
            title="Fold recursion (r)"
            onClick={() => change({ fold: !state.fold, frame: null, zoom: null })}
          />
        </span>
      )}
      {props.children}
    </div>
  )
}

function Pick<T extends string>(props: {
  label: string
  value: T
  options: readonly (readonly [T, string])[]
  onChange: (value: T) => void
}) {
  return (
    <label class="field">
      <span class="is-wide-only">{props.label}</span>
      <select
        aria-label={props.label}
        value={props.value}
        onChange={(event) => {
          const chosen = props.options.find(([value]) => value === event.currentTarget.value)
          if (chosen) props.onChange(chosen[0])
        }}
      >
        {props.options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}

function Toggle(props: { icon: 'flip' | 'fold'; on: boolean; title: string; onClick: () => void }) {
  return (
    <button
      type="button"
      class="button is-icon"
      aria-pressed={props.on}
      title={props.title}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
      <span class="unseen">{props.title}</span>
    </button>
  )
}
