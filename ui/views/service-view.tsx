import { useMemo } from 'preact/hooks'
import type { Service, ServicesAnswer } from '../../query/api.ts'
import { api } from '../api-client.ts'
import { Icon } from '../elements/icon.tsx'
import { Empty, Failure, Loading, Progress } from '../elements/notice.tsx'
import { visible } from '../flamegraph/label.ts'
import { formatRange } from '../format-time.ts'
import { formatCores, formatCount } from '../format-value.ts'
import { selectorOf } from '../selector.ts'
import {
  choiceOf,
  halves,
  nameVersion,
  rangeOf,
  type Sides,
  sidesOf,
  type TimeRange,
} from '../sides.ts'
import { lanesOf, stepFor } from '../timeline/lanes.ts'
import { Timeline } from '../timeline/timeline.tsx'
import { DEFAULTS, formatUrl, type UrlState } from '../url-state.ts'
import { type Answer, useAnswer } from '../use-answer.ts'
import { Filters } from './filters.tsx'
import { FunctionTable } from './function-table.tsx'
import { findService, typeOf } from './use-service.ts'
import { Verdict } from './verdict.tsx'

/** A service's versions over time, and what changed between the two newest. */
export function ServiceView(props: {
  state: UrlState
  services: Answer<ServicesAnswer>
  nowMs: number
}) {
  const { state, services } = props
  if (services.error)
    return (
      <Failure
        what="The services could not be loaded."
        error={services.error}
        onRetry={services.retry}
      />
    )
  if (!services.value) return <Loading what="the service" />
  const service = findService(services.value, state.service)
  if (!service) return <NotSeen state={state} />
  return <Loaded {...props} service={service} />
}

function Loaded(props: { state: UrlState; service: Service; nowMs: number }) {
  const { service, nowMs } = props
  const state = { ...props.state, type: typeOf(props.state, service) }
  const range = rangeOf(state, nowMs)
  const sides = sidesOf(state, service, nowMs)
  const part = { query: selectorOf(state.service, null, state.where), ...range }
  const everything = { query: selectorOf(state.service, null, ''), ...range }
  const ask = { type: state.type, by: 'version', stepS: stepFor(range.fromMs, range.toMs) }
  const series = useAnswer(JSON.stringify([part, ask]), (signal) => api.series(part, ask, signal))
  const lanes = useMemo(
    () => (series.value ? lanesOf(series.value, service) : null),
    [series.value, service],
  )
  return (
    <main class="service">
      <header class="page-head">
        <div class="page-title">
          <h2>
            <bdi>{visible(service.service)}</bdi>
            {service.demo && <span class="badge is-demo">demo data</span>}
          </h2>
          <Filters where={state.where} part={everything} />
        </div>
        <p class="quiet">
          {formatCores(service.cores)} cores on {formatCount(service.hosts)}{' '}
          {service.hosts === 1 ? 'host' : 'hosts'}, {formatCount(service.versions.length)}{' '}
          {service.versions.length === 1 ? 'version' : 'versions'},{' '}
          {formatRange(range.fromMs, range.toMs, nowMs)}
        </p>
      </header>
      <section class="card">
        <Progress on={series.loading} />
        {series.error && (
          <Failure
            what="The timeline could not be loaded."
            error={series.error}
            onRetry={series.retry}
          />
        )}
        {lanes && <Timeline lanes={lanes} sides={sides} nowMs={nowMs} />}
      </section>
      {sides.a && sides.a.version !== sides.b.version && (
        <Verdict state={state} a={sides.a} b={sides.b} />
      )}
      <section class="card">
        <header class="card-head">
          <Headline sides={sides} />
          <Actions state={state} sides={sides} range={range} />
        </header>
        <FunctionTable
          state={state}
          sides={sides}
          limit={15}
          href={(fn) => targetHref(state, sides, range, fn)}
        />
      </section>
    </main>
  )
}

function Headline({ sides }: { sides: Sides }) {
  if (!sides.a)
    return (
      <h3>
        Where the time of <bdi>{visible(nameVersion(sides.b.version))}</bdi> goes
      </h3>
    )
  return (
    <h3>
      What changed from <Version letter="A" name={sides.a.version} /> to{' '}
      <Version letter="B" name={sides.b.version} />
    </h3>
  )
}

function Version({ letter, name }: { letter: 'A' | 'B'; name: string }) {
  return (
    <span class={`version is-${letter}`}>
      <span class="side-letter" aria-hidden="true">
        {letter}
      </span>
      <bdi>{visible(nameVersion(name))}</bdi>
    </span>
  )
}

function Actions({ state, sides, range }: { state: UrlState; sides: Sides; range: TimeRange }) {
  const flame = targetHref(state, { a: null, b: sides.b }, range, null)
  if (!sides.a)
    return (
      <p class="actions">
        <a class="button" href={formatUrl({ ...state, ...halves(state, range) })}>
          Compare two times
        </a>
        <a class="button is-main" href={flame}>
          Flame graph <Icon name="arrow" />
        </a>
      </p>
    )
  return (
    <p class="actions">
      <a class="button" href={flame}>
        Flame graph of B
      </a>
      <a class="button is-main" href={targetHref(state, sides, range, null)}>
        Compare A and B <Icon name="arrow" />
      </a>
    </p>
  )
}

// The versions go into the address even where the page chose them: the link stays true tomorrow.
function targetHref(state: UrlState, sides: Sides, range: TimeRange, fn: string | null): string {
  const { a, b } = sides
  return formatUrl({
    ...state,
    page: a ? 'diff' : 'flame',
    a: a ? choiceOf(a, range) : DEFAULTS.a,
    b: choiceOf(b, range),
    fn,
  })
}

function NotSeen({ state }: { state: UrlState }) {
  return (
    <main class="service">
      <Empty title="This service was not seen in this time range.">
        <p>
          Nothing of <bdi>{visible(state.service)}</bdi> was sampled. Choose a longer range at the
          top right, or go back to{' '}
          <a href={formatUrl({ ...state, page: 'services', service: '' })}>all services</a>.
        </p>
      </Empty>
    </main>
  )
}
