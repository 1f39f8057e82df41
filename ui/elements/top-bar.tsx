import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { chooseTheme, readChoice, type ThemeChoice } from '../theme.ts'
import { formatUrl, type UrlState } from '../url-state.ts'
import { Icon } from './icon.tsx'
import { TimeRangeMenu } from './time-range.tsx'

const PAGE_NAMES = { flame: 'Flame graph', diff: 'Comparison' } as const

export function TopBar(props: {
  state: UrlState
  nowMs: number
  onRefresh: () => void
  onHelp: () => void
  children?: ComponentChildren
}) {
  const { state } = props
  const servicesHref = formatUrl({ ...state, ...PLAIN, page: 'services', service: '' })
  return (
    <header class="top-bar">
      <a class="brand" href={servicesHref} aria-label="Flamewatch: all services">
        <svg viewBox="0 0 16 16" width="20" height="20" aria-hidden="true">
          <rect x="1" y="2" width="14" height="3.4" rx="1" class="brand-b" />
          <rect x="1" y="6.3" width="9.5" height="3.4" rx="1" class="brand-c" />
          <rect x="1" y="10.6" width="5" height="3.4" rx="1" class="brand-a" />
        </svg>
        <span>Flamewatch</span>
      </a>
      <nav aria-label="Where you are" class="crumbs">
        {state.page !== 'services' && (
          <>
            <a href={servicesHref}>Services</a>
            <span aria-hidden="true">/</span>
            <Crumb state={state} />
          </>
        )}
      </nav>
      <div class="top-actions">
        {props.children}
        <TimeRangeMenu state={state} nowMs={props.nowMs} />
        <button type="button" class="button is-icon" title="Reload" onClick={props.onRefresh}>
          <Icon name="refresh" />
          <span class="unseen">Reload</span>
        </button>
        <ThemeButton />
        <button
          type="button"
          class="button is-icon"
          title="Keys and help (?)"
          onClick={props.onHelp}
        >
          <Icon name="help" />
          <span class="unseen">Keys and help</span>
        </button>
      </div>
    </header>
  )
}

const PLAIN = {
  frame: null,
  zoom: null,
  search: '',
  fn: null,
  panes: 'split',
  sort: '',
} as const

function Crumb({ state }: { state: UrlState }) {
  if (state.page === 'service' || state.page === 'services')
    return (
      <h1>
        <bdi>{state.service}</bdi>
      </h1>
    )
  return (
    <>
      <a href={formatUrl({ ...state, ...PLAIN, page: 'service' })}>
        <bdi>{state.service}</bdi>
      </a>
      <span aria-hidden="true">/</span>
      <h1>{PAGE_NAMES[state.page]}</h1>
    </>
  )
}

const NEXT: Readonly<Record<ThemeChoice, ThemeChoice>> = {
  system: 'light',
  light: 'dark',
  dark: 'system',
}
const ICONS = { system: 'system', light: 'sun', dark: 'moon' } as const

function ThemeButton() {
  const [choice, setChoice] = useState(readChoice)
  const text = choice === 'system' ? 'Theme: as the system' : `Theme: ${choice}`
  return (
    <button
      type="button"
      class="button is-icon"
      title={text}
      onClick={() => {
        chooseTheme(NEXT[choice])
        setChoice(NEXT[choice])
      }}
    >
      <Icon name={ICONS[choice]} />
      <span class="unseen">{text}</span>
    </button>
  )
}
