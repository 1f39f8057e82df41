import { useEffect } from 'preact/hooks'
import type { ServicesAnswer } from '../../query/api.ts'
import { Empty, Failure, Loading, Progress } from '../elements/notice.tsx'
import { prepareDrawing } from '../flamegraph/paper.ts'
import { selectorOf } from '../selector.ts'
import { halves, isDecided, rangeOf, type Sides, sidesOf } from '../sides.ts'
import { useTheme } from '../theme.ts'
import { formatUrl, type UrlState } from '../url-state.ts'
import { type Answer, useAnswer } from '../use-answer.ts'
import { Explorer } from './explorer.tsx'
import { type Ask, loadGraph } from './load-graph.ts'
import { SideBar } from './side-bar.tsx'
import { findService, typeOf } from './use-service.ts'

/** The flame graph of one selection, or the comparison of two. */
export function ProfileView(props: {
  state: UrlState
  services: Answer<ServicesAnswer>
  nowMs: number
}) {
  const { state, services, nowMs } = props
  const service = findService(services.value, state.service)
  const both = sidesOf(state, service, nowMs)
  const sides: Sides = state.page === 'diff' ? both : { a: null, b: both.b }
  const ready = isDecided(state) || services.value !== null
  const comparable = state.page !== 'diff' || sides.a !== null
  const ask: Ask = { type: typeOf(state, service), normalize: state.normalize }
  const key = ready && comparable ? JSON.stringify([sides.a?.part, sides.b.part, ask]) : null
  const loaded = useAnswer(key, (signal) => loadGraph(sides, ask, signal))
  const graph = loaded.value?.graph ?? null
  const theme = useTheme()
  useEffect(() => prepareDrawing(theme), [theme])

  if (services.error && !ready)
    return (
      <Failure
        what="The services could not be loaded."
        error={services.error}
        onRetry={services.retry}
      />
    )
  if (ready && !comparable) return <NothingToCompare state={state} nowMs={nowMs} />
  const range = rangeOf(state, nowMs)
  return (
    <main class={loaded.loading ? 'profile is-stale' : 'profile'}>
      <SideBar
        state={state}
        sides={sides}
        service={service}
        facts={graph}
        nowMs={nowMs}
        everything={{ query: selectorOf(state.service, null, ''), ...range }}
      />
      <Progress on={loaded.loading} />
      {key === null ? (
        <Loading what="the versions" />
      ) : (
        <Explorer
          state={state}
          sides={sides}
          service={service}
          ask={ask}
          answer={loaded}
          nowMs={nowMs}
        />
      )}
    </main>
  )
}

function NothingToCompare({ state, nowMs }: { state: UrlState; nowMs: number }) {
  return (
    <main class="profile">
      <Empty title="There is only one version in this time range.">
        <p>
          A comparison needs two sides. Choose a longer range at the top right, or compare the two
          halves of this one.
        </p>
        <p>
          <a
            class="button is-main"
            href={formatUrl({ ...state, ...halves(state, rangeOf(state, nowMs)) })}
          >
            Compare the halves
          </a>{' '}
          <a class="button" href={formatUrl({ ...state, page: 'flame' })}>
            Plain flame graph
          </a>
        </p>
      </Empty>
    </main>
  )
}
