import { useEffect } from 'preact/hooks'
import type { CollectorsAnswer, Service, ServicesAnswer } from '../../query/api.ts'
import { api } from '../api-client.ts'
import { Banner, Empty, Failure, Progress } from '../elements/notice.tsx'
import { Sparkline } from '../elements/sparkline.tsx'
import { visible } from '../flamegraph/label.ts'
import { formatAge, formatTime } from '../format-time.ts'
import { formatCores, formatCount } from '../format-value.ts'
import { change } from '../navigation.ts'
import { DEFAULTS, formatUrl, type UrlState } from '../url-state.ts'
import { type Answer, useAnswer } from '../use-answer.ts'

// While there is nothing yet, a first batch can come any moment.
const RELOAD_MS = 3000

/** Every service of the fleet, by the cores it uses. */
export function ServicesView(props: {
  state: UrlState
  services: Answer<ServicesAnswer>
  nowMs: number
  onReload: () => void
}) {
  const { state, services, nowMs } = props
  const collectors = useAnswer(String(nowMs), (signal) => api.collectors(signal))
  const all = services.value?.services ?? []
  const shown = state.search === '' ? all : all.filter((service) => isFound(service, state.search))
  return (
    <main class="services">
      {all.length === 0 && <h1 class="unseen">Services</h1>}
      <LocalState collectors={collectors.value} />
      <Progress on={services.loading} />
      {services.error ? (
        <Failure
          what="The services could not be loaded."
          error={services.error}
          onRetry={services.retry}
        />
      ) : (
        services.value &&
        (all.length === 0 ? (
          <NoServices collectors={collectors.value} state={state} onReload={props.onReload} />
        ) : (
          <section class="card">
            <header class="card-head">
              <h1>
                Services <span class="count">{formatCount(all.length)}</span>
              </h1>
              {all.length > 5 && (
                <input
                  id="search"
                  type="search"
                  class="filter"
                  placeholder="Filter services"
                  aria-label="Filter services"
                  value={state.search}
                  onInput={(event) => change({ search: event.currentTarget.value }, 'replace')}
                />
              )}
            </header>
            <ServiceTable state={state} answer={services.value} services={shown} nowMs={nowMs} />
          </section>
        ))
      )}
    </main>
  )
}

function isFound(service: Service, search: string): boolean {
  return service.service.toLowerCase().includes(search.toLowerCase())
}

function ServiceTable(props: {
  state: UrlState
  answer: ServicesAnswer
  services: readonly Service[]
  nowMs: number
}) {
  const services = [...props.services].sort((x, y) => y.cores - x.cores)
  const most = Math.max(1e-9, ...services.map((service) => service.cores))
  return (
    <div class="rows">
      <table class="grid is-services">
        <thead>
          <tr>
            <th scope="col">Service</th>
            <th scope="col" class="is-cores">
              Cores
            </th>
            <th scope="col" class="is-time">
              Use over time, deploys marked
            </th>
            <th scope="col" class="is-hosts">
              Hosts
            </th>
            <th scope="col" class="is-version is-word">
              Newest version
            </th>
            <th scope="col" class="is-seen is-word">
              First seen
            </th>
          </tr>
        </thead>
        <tbody>
          {services.map((service) => (
            <ServiceRow key={service.service} {...props} service={service} most={most} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function ServiceRow(props: {
  state: UrlState
  answer: ServicesAnswer
  service: Service
  most: number
  nowMs: number
}) {
  const { state, service, nowMs } = props
  const { from, to, rest } = state
  const name = visible(service.service)
  const newest = service.versions[0]
  const firstMs = newest ? Date.parse(newest.firstSeen) : Number.NaN
  const now = formatCores(service.sparkline.at(-1) ?? 0)
  return (
    <tr>
      <th scope="row">
        <a
          class="row-link"
          href={formatUrl({
            ...DEFAULTS,
            from,
            to,
            rest,
            page: 'service',
            service: service.service,
          })}
        >
          <bdi>{name}</bdi>
        </a>
        {service.demo && <span class="badge is-demo">demo data</span>}
      </th>
      <td class="is-plain">
        <span class="meter" aria-hidden="true">
          <span style={{ left: 0, width: `${(100 * service.cores) / props.most}%` }} />
        </span>
        {formatCores(service.cores)}
      </td>
      <td class="is-time">
        <Sparkline
          values={service.sparkline}
          ticks={deployTicks(service, props.answer)}
          label={`Cores used by ${name} over the range, now ${now}`}
        />
      </td>
      <td class="is-hosts">{formatCount(service.hosts)}</td>
      <td class="is-word is-version" title={newest && visible(newest.version)}>
        <bdi>{newest ? visible(newest.version) : '–'}</bdi>
      </td>
      <td class="is-word is-seen" title={newest && formatTime(firstMs, nowMs)}>
        {newest ? formatAge(firstMs, nowMs) : '–'}
      </td>
    </tr>
  )
}

/** Where within the sparkline versions were first seen, as shares of its width. */
function deployTicks(service: Service, { covered, stepMs }: ServicesAnswer): number[] {
  if (!covered) return []
  const from = Date.parse(covered.from)
  const width = Math.max(1, service.sparkline.length - 1) * stepMs
  return service.versions
    .map((version) => (Date.parse(version.firstSeen) - from) / width)
    .filter((share) => share > 0.01 && share < 1)
}

// The same line the terminal shows where this machine may not be sampled.
function LocalState({ collectors }: { collectors: CollectorsAnswer | null }) {
  const local = collectors?.local
  if (!local || (local.state !== 'failed' && local.state !== 'stopped')) return null
  return (
    <Banner kind="warning">
      This machine is not sampled. {local.message} {local.hint}
    </Banner>
  )
}

function NoServices(props: {
  collectors: CollectorsAnswer | null
  state: UrlState
  onReload: () => void
}) {
  const { collectors, state, onReload } = props
  const waits = collectors?.local?.state === 'sampling' || collectors?.local?.state === 'starting'
  useEffect(() => {
    if (!waits) return
    const timer = setInterval(onReload, RELOAD_MS)
    return () => clearInterval(timer)
  }, [waits])
  if (waits)
    return (
      <Empty title="Waiting for the first samples of this machine.">
        <p>The collector sends every ten seconds; they show here by themselves.</p>
      </Empty>
    )
  return (
    <Empty title="No profiles in this time range.">
      <dl class="ways">
        <dt>Profile a host</dt>
        <dd>
          <code>flamewatch collect --server {location.origin}</code>
        </dd>
        <dt>Send a profile you have</dt>
        <dd>
          <code>flamewatch push --service NAME profile.pb.gz</code>
        </dd>
        <dt>Look around first</dt>
        <dd>
          <code>flamewatch demo</code>
        </dd>
      </dl>
      <p>
        Older profiles?{' '}
        <a href={formatUrl({ ...state, from: 'now-7d', to: 'now' })}>Show the last 7 days</a>
      </p>
    </Empty>
  )
}
