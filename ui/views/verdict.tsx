import type { RegressionRow, RegressionsAnswer } from '../../query/api.ts'
import { ApiError, api } from '../api-client.ts'
import { Failure, Progress } from '../elements/notice.tsx'
import { visible } from '../flamegraph/label.ts'
import { formatCores, formatShare } from '../format-value.ts'
import type { Side } from '../sides.ts'
import type { UrlState } from '../url-state.ts'
import { useAnswer } from '../use-answer.ts'
import { Name } from './function-grid.tsx'

const DAY_MS = 86_400_000

/** Whether version B is dearer than A, as the server judges it, and where. */
export function Verdict({ state, a, b }: { state: UrlState; a: Side; b: Side }) {
  // What the hosts did before the deploy is part of the proof.
  const fromMs = Math.min(a.fromMs, b.toMs - DAY_MS)
  const ask = {
    ...{ service: state.service, type: state.type },
    ...{ baseline: a.version, candidate: b.version, fromMs, toMs: b.toMs },
  }
  const judged = useAnswer(JSON.stringify(ask), (signal) => api.regressions(ask, signal))
  if (judged.error) {
    // The versions of a filtered or short-lived service may be gone from the range: nothing to judge.
    if (judged.error instanceof ApiError && judged.error.status === 404) return null
    return (
      <section class="card">
        <Failure
          what="The deploy could not be judged."
          error={judged.error}
          onRetry={judged.retry}
        />
      </section>
    )
  }
  return (
    <section class="card verdict" aria-label="Verdict" aria-busy={judged.loading}>
      <Progress on={judged.loading} />
      {judged.value ? <Judged answer={judged.value} /> : <p class="quiet">Judging the deploy…</p>}
    </section>
  )
}

const HEADLINES: Readonly<Record<RegressionsAnswer['verdict'], string>> = {
  ok: 'No regression',
  regression: 'Regression',
  inconclusive: 'Cannot tell',
}

const DESIGNS: Readonly<Record<RegressionsAnswer['design'], string>> = {
  did: 'Hosts that changed over beside hosts that did not, each with its own past',
  canary: 'Hosts of B beside hosts of A at the same time',
  paired: 'Both versions on the same hosts at the same time',
  days: 'The same hours of earlier days',
  none: '',
}

function Judged({ answer }: { answer: RegressionsAnswer }) {
  const { verdict, reason, design, candidate, baseline, confidence, warnings, shifts } = answer
  const [dearer, cheaper] = [answer.regressions, answer.improvements]
  return (
    <>
      <header class="card-head">
        <h3>
          <span class={`badge is-${verdict}`}>{HEADLINES[verdict]}</span> {visible(reason)}
        </h3>
      </header>
      {design !== 'none' && (
        <p class="quiet">
          {DESIGNS[design]},{' '}
          {candidate.hosts > 0 && `${candidate.hosts} and ${baseline.hosts} hosts, `}
          confidence {confidence}. {warnings.join(' ')}
        </p>
      )}
      {dearer.length + cheaper.length > 0 && <Changes rows={[...dearer, ...cheaper]} />}
      {shifts.length > 0 && (
        <p class="quiet">
          Only moved, in all no dearer:{' '}
          {shifts.map((shift) => visible(shift.function.name)).join(', ')}
        </p>
      )}
    </>
  )
}

function Changes({ rows }: { rows: readonly RegressionRow[] }) {
  return (
    <div class="rows">
      <table class="grid is-judged">
        <thead>
          <tr>
            <th scope="col">Function, with what it calls</th>
            <th scope="col" class="is-number side-A">
              Before
            </th>
            <th scope="col" class="is-number side-B">
              After
            </th>
            <th scope="col" class="is-pair" title="95 % confidence interval">
              Change, 95 % sure of
            </th>
            <th scope="col" class="is-number" title="Hosts on which it went the same way">
              Hosts
            </th>
            <th scope="col" class="is-number">
              Cores
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.function.id}>
              <th scope="row" title={row.path.map(({ name }) => visible(name)).join(' › ')}>
                <Name name={visible(row.function.name)} href={row.page} />
              </th>
              <td>{formatShare(row.baseline)}</td>
              <td>{formatShare(row.candidate)}</td>
              <td class={row.delta > 0 ? 'is-more' : 'is-less'}>
                {signed(row.delta)}
                <span class="quiet">
                  {signed(row.interval[0])} to {signed(row.interval[1])}
                </span>
              </td>
              <td>{row.hostsAgree === null ? '–' : `${Math.round(100 * row.hostsAgree)}%`}</td>
              <td>{row.cores === null ? '–' : formatCores(row.cores)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function signed(share: number): string {
  return `${share > 0 ? '+' : ''}${formatShare(share)}`
}
