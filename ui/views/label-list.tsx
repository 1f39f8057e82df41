import { useState } from 'preact/hooks'
import { api, type Part } from '../api-client.ts'
import { Icon } from '../elements/icon.tsx'
import { visible } from '../flamegraph/label.ts'
import { matcherOf } from '../selector.ts'
import { useAnswer } from '../use-answer.ts'

// Already chosen elsewhere on the page.
const CHOSEN = new Set(['service', 'version'])

/** Labels there are to filter by, and then the values of one. */
export function LabelList(props: { part: Part; onChoose: (matcher: string) => void }) {
  const [label, setLabel] = useState<string | null>(null)
  const labels = useAnswer(JSON.stringify(props.part), (signal) => api.labels(props.part, signal))
  if (label !== null) return <ValueList {...props} label={label} onBack={() => setLabel(null)} />
  if (labels.error) return <p class="menu-note">{labels.error.message}</p>
  const names = labels.value?.labels.filter((name) => !CHOSEN.has(name)) ?? []
  return (
    <>
      <p class="menu-title">Filter by label</p>
      {names.length === 0 && (
        <p class="menu-note">{labels.loading ? 'Loading…' : 'There are no further labels.'}</p>
      )}
      <ul class="menu-list">
        {names.map((name) => (
          <li key={name}>
            <button type="button" onClick={() => setLabel(name)}>
              <bdi>{name}</bdi>
              <Icon name="arrow" />
            </button>
          </li>
        ))}
      </ul>
    </>
  )
}

function ValueList(props: {
  part: Part
  label: string
  onBack: () => void
  onChoose: (matcher: string) => void
}) {
  const { label, part } = props
  const answer = useAnswer(JSON.stringify([label, part]), (signal) =>
    api.labelValues(label, part, signal),
  )
  const values = answer.value?.values ?? []
  return (
    <>
      <p class="menu-title">
        <button type="button" class="button is-quiet is-small" onClick={props.onBack}>
          Labels
        </button>{' '}
        / {label}
      </p>
      {answer.error && <p class="menu-note">{answer.error.message}</p>}
      {values.length === 0 && answer.loading && <p class="menu-note">Loading…</p>}
      <ul class="menu-list">
        {values.map((value) => (
          <li key={value}>
            <button
              type="button"
              data-closes
              onClick={() => props.onChoose(matcherOf(label, value))}
            >
              <bdi>{value === '' ? '(none)' : visible(value)}</bdi>
            </button>
          </li>
        ))}
      </ul>
    </>
  )
}
