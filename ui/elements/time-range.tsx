import { useState } from 'preact/hooks'
import { formatRange, isRelative, parseTime, toUtc } from '../format-time.ts'
import { change } from '../navigation.ts'
import { rangeOf } from '../sides.ts'
import type { UrlState } from '../url-state.ts'
import { Icon } from './icon.tsx'
import { Menu } from './menu.tsx'

const PRESETS = [
  ['now-15m', 'Last 15 minutes'],
  ['now-1h', 'Last hour'],
  ['now-6h', 'Last 6 hours'],
  ['now-24h', 'Last 24 hours'],
  ['now-7d', 'Last 7 days'],
  ['now-30d', 'Last 30 days'],
] as const

/** The range the page is about: a preset that moves with the clock, or two fixed times. */
export function TimeRangeMenu({ state, nowMs }: { state: UrlState; nowMs: number }) {
  const range = rangeOf(state, nowMs)
  const preset = PRESETS.find(([from]) => from === state.from && state.to === 'now')
  const name =
    preset?.[1] ??
    (isRelative(state.from) && state.to === 'now'
      ? `Since ${state.from}`
      : formatRange(range.fromMs, range.toMs, nowMs))
  return (
    <Menu
      title={`Time range: ${name}`}
      align="right"
      label={
        <>
          <Icon name="clock" />
          <span class="is-wide-only">{name}</span>
          <Icon name="chevron" />
        </>
      }
    >
      {() => (
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
      )}
    </Menu>
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
