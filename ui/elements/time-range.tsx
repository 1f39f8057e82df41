import { formatRange, isRelative } from '../format-time.ts'
import { lazy } from '../lazy.tsx'
import { rangeOf } from '../sides.ts'
import type { UrlState } from '../url-state.ts'
import { Icon } from './icon.tsx'
import { Menu } from './menu.tsx'
import { PRESETS } from './time-presets.ts'

const TimeRangePanel = lazy(async () => (await import('./time-range-panel.tsx')).TimeRangePanel)

/** The range the page is about: a preset that moves with the clock, or two fixed times. */
export function TimeRangeMenu({ state, nowMs }: { state: UrlState; nowMs: number }) {
  const range = rangeOf(state, nowMs)
  const preset = PRESETS.find(([from]) => from === state.from && state.to === 'now')
  const name =
    preset?.[1] ??
    (isRelative(state.from) && state.to === 'now'
      ? nameSpan(state.from)
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
      {() => <TimeRangePanel.View state={state} nowMs={nowMs} />}
    </Menu>
  )
}

// `now-2h` reads `Last 2 h`.
function nameSpan(from: string): string {
  return `Last ${from.slice('now-'.length).replace(/(\d+)/, '$1 ').replace(/m$/, 'min')}`
}
