import { useState } from 'preact/hooks'
import { parseTime, toUtc } from '../format-time.ts'
import { change } from '../navigation.ts'
import { rangeOf } from '../sides.ts'
import type { UrlState } from '../url-state.ts'
import { PRESETS } from './time-presets.ts'

/** The choice of a range: a preset that moves with the clock, or two fixed times. */
export function TimeRangePanel({ state, nowMs }: { state: UrlState; nowMs: number }) {
  const range = rangeOf(state, nowMs)
  const preset = PRESETS.find(([from]) => from === state.from && state.to === 'now')
  return (
    <>
      <ul class="menu-list">
        {PRESETS.map(([from, label]) => (
          <li key={from}>
            <button
              type="button"
              data-closes
              aria-current={from === preset?.[0] ? 'true' : undefined}
              onClick={() => change({ from, to: 'now' })}
            >
              {label}
            </button>
          </li>
        ))}
      </ul>
      <FixedRange key={`${range.fromMs} ${range.toMs}`} {...range} nowMs={nowMs} />
    </>
  )
}

function FixedRange(props: { fromMs: number; toMs: number; nowMs: number }) {
  const [from, setFrom] = useState(toField(props.fromMs))
  const [to, setTo] = useState(toField(props.toMs))
  const fromMs = fromField(from) ?? parseTime(from, props.nowMs)
  const toMs = fromField(to) ?? parseTime(to, props.nowMs)
  const right = fromMs !== null && toMs !== null && fromMs < toMs
  return (
    <form
      class="menu-form"
      onSubmit={(event) => {
        event.preventDefault()
        if (right) change({ from: toUtc(fromMs), to: toUtc(toMs) })
      }}
    >
      <label>
        From
        <input
          type="datetime-local"
          step="1"
          value={from}
          onInput={(event) => setFrom(event.currentTarget.value)}
        />
      </label>
      <label>
        To
        <input
          type="datetime-local"
          step="1"
          value={to}
          onInput={(event) => setTo(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="button is-main" disabled={!right} data-closes>
        Show
      </button>
    </form>
  )
}

// The field's format: local time without a zone.
function toField(ms: number): string {
  const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 19)
}

function fromField(text: string): number | null {
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? null : ms
}
