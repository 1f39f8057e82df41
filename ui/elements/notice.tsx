import type { ComponentChildren } from 'preact'
import { ApiError } from '../api-client.ts'
import { Icon } from './icon.tsx'

/** Nothing to show, and what to do about it. */
export function Empty(props: { title: string; children: ComponentChildren }) {
  return (
    <section class="empty">
      <h2>{props.title}</h2>
      <div class="empty-text">{props.children}</div>
    </section>
  )
}

/** What went wrong in the server's own words, its advice, and another try. */
export function Failure(props: { error: Error; what: string; onRetry: () => void }) {
  const { error } = props
  const hint =
    error instanceof ApiError
      ? error.hint
      : 'Reload the page: it may be older than the server. If this stays, it is a defect.'
  const code = error instanceof ApiError ? error.code : error.name
  return (
    <section class="empty is-failure" role="alert">
      <h2>
        <Icon name="warning" /> {props.what}
      </h2>
      <div class="empty-text">
        <p>{error.message}</p>
        {hint !== '' && <p class="hint">{hint}</p>}
        <p>
          <button type="button" class="button is-main" onClick={props.onRetry}>
            Try again
          </button>
          <span class="code">{code}</span>
        </p>
      </div>
    </section>
  )
}

/** A line above the content that holds as long as its reason does. */
export function Banner(props: { kind: 'info' | 'warning'; children: ComponentChildren }) {
  return (
    <p class={`banner is-${props.kind}`}>
      {props.kind === 'warning' && <Icon name="warning" />}
      <span>{props.children}</span>
    </p>
  )
}

/** Holds the place of what is on its way; says so only when it takes a while. */
export function Loading({ what }: { what: string }) {
  return (
    <p class="loading" role="status">
      Loading {what} …
    </p>
  )
}

/** A thin bar that says something is on its way. It never moves the page. */
export function Progress({ on }: { on: boolean }) {
  return <div class={on ? 'progress is-on' : 'progress'} aria-hidden="true" />
}
