import type { CollectorsAnswer, Service, ServicesAnswer, Version } from '../../query/api.ts'
import { api } from '../api-client.ts'
import { Banner, Empty, Failure, Progress } from '../elements/notice.tsx'
import { Sparkline } from '../elements/sparkline.tsx'
import { visible } from '../flamegraph/label.ts'
import { formatAge, formatTime } from '../format-time.ts'
import { formatCount, formatNumber } from '../format-value.ts'
import { change } from '../navigation.ts'
import { DEFAULTS, formatUrl, type UrlState } from '../url-state.ts'
import { type Answer, useAnswer } from '../use-answer.ts'

/** Every service of the fleet, by the cores it uses. */
export function ServicesView(props: {
  state: UrlState
  services: Answer<ServicesAnswer>
  nowMs: number
}) {
  const { state, services, nowMs } = props
  const collectors = useAnswer(String(nowMs), (signal) => api.collectors(signal))
  const all = services.value?.services ?? []
  const shown = state.search === '' ? all : all.filter((service) => isFound(service, state.search))
  return (
    <main class="services">
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
          <NoServices collectors={collectors.value} state={state} />
        ) : (
          <section class="card">
            <header class="card-head">
              <h2>
                Services <span class="count">{formatCount(all.length)}</span>
              </h2>
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
            <ServiceTable state={state} services={shown} nowMs={nowMs} />
          </section>
        ))
      )}
    </main>
  )
}

function isFound(service: Service, search: string): boolean {
  return service.service.toLowerCase().includes(search.toLowerCase())
}

function ServiceTable(props: { state: UrlState; services: readonly Service[]; nowMs: number }) {
  const { state, nowMs } = props
  const services = [...props.services].sort((x, y) => y.cores - x.cores)
  const most = Math.max(1e-9, ...services.map((service) => service.cores))
  return (
    <div class="rows">
      <table class="grid is-services">
        <thead>
          <tr>
            <th scope="col">Service</th>
            <th scope="col">Cores</th>
            <th scope="col">Use over time</th>
            <th scope="col">Hosts</th>
            <th scope="col">Newest version</th>
            <th scope="col">First seen</th>
            <th scope="col">Versions</th>
          </tr>
        </thead>
        <tbody>
          {services.map((service) => (
            <tr key={service.service}>
              <th scope="row">
                <a
                  class="row-link"
                  href={formatUrl({
                    ...DEFAULTS,
                    from: state.from,
                    to: state.to,
                    rest: state.rest,
                    page: 'service',
                    service: service.service,
                  })}
                >
                  <bdi>{visible(service.service)}</bdi>
                </a>
                {service.demo && <span class="badge is-demo">demo data</span>}
              </th>
              <td class="with-bar">
                <span class="bar" style={{ width: `${(100 * service.cores) / most}%` }} />
                <span>{formatNumber(service.cores)}</span>
              </td>
              <td class="is-graph">
                <Sparkline
                  values={service.sparkline}
                  label={`Cores used by ${visible(service.service)} over the range, now ${formatNumber(service.sparkline.at(-1) ?? 0)}`}
                />
              </td>
              <td>{formatCount(service.hosts)}</td>
              <Newest version={service.versions[0]} nowMs={nowMs} />
              <td>{formatCount(service.versions.length)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Newest({ version, nowMs }: { version: Version | undefined; nowMs: number }) {
  if (!version)
    return (
      <>
        <td class="word">–</td>
        <td class="word">–</td>
      </>
    )
  const first = Date.parse(version.firstSeen)
  return (
    <>
      <td class="word" title={visible(version.version)}>
        <bdi class="version-name">{visible(version.version)}</bdi>
      </td>
      <td class="word" title={formatTime(first, nowMs)}>
        {formatAge(first, nowMs)}
      </td>
    </>
  )
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

function NoServices({
  collectors,
  state,
}: {
  collectors: CollectorsAnswer | null
  state: UrlState
}) {
  const waits = collectors?.local?.state === 'sampling' || collectors?.local?.state === 'starting'
  if (waits)
    return (
      <Empty title="Waiting for the first samples of this machine.">
        <p>The collector sends every ten seconds. Reload in a moment.</p>
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
