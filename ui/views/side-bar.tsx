import type { Service, Side as SideFacts } from '../../query/api.ts'
import type { Part } from '../api-client.ts'
import { Icon } from '../elements/icon.tsx'
import { Menu } from '../elements/menu.tsx'
import { visible } from '../flamegraph/label.ts'
import { formatRange, toUtc } from '../format-time.ts'
import {
  formatCores,
  formatCount,
  formatRelative,
  formatShare,
  formatValue,
} from '../format-value.ts'
import { change } from '../navigation.ts'
import { choiceOf, nameVersion, rangeOf, type Side, type Sides } from '../sides.ts'
import { DEFAULTS, formatUrl, type UrlState } from '../url-state.ts'
import { Filters } from './filters.tsx'

type SideBarProps = {
  readonly state: UrlState
  readonly sides: Sides
  readonly service: Service | null
  /** What the server said about the sides; with one side it stands in `a`. */
  readonly facts: {
    readonly a: SideFacts
    readonly b: SideFacts | null
    readonly unit: string
  } | null
  readonly nowMs: number
  /** The whole service in the page's range: what filters choose from. */
  readonly everything: Part
}

/** What is shown: each side's version, time and size, and how to choose another. */
export function SideBar(props: SideBarProps) {
  const { state, sides, facts } = props
  const { a, b } = sides
  const range = rangeOf(state, props.nowMs)
  return (
    <div class="sides">
      {a ? (
        <>
          <SideCard {...props} letter="A" side={a} numbers={facts?.b ? facts.a : null} />
          <button
            type="button"
            class="button is-icon"
            title="Swap A and B"
            onClick={() => change({ a: choiceOf(b, range), b: choiceOf(a, range), frame: null })}
          >
            <Icon name="swap" />
            <span class="unseen">Swap A and B</span>
          </button>
          <SideCard {...props} letter="B" side={b} numbers={facts?.b ?? null} />
        </>
      ) : (
        <SideCard {...props} letter="" side={b} numbers={facts?.a ?? null} />
      )}
      <Filters where={state.where} part={props.everything} />
    </div>
  )
}

function SideCard(
  props: SideBarProps & { letter: 'A' | 'B' | ''; side: Side; numbers: SideFacts | null },
) {
  const { side, letter, state, numbers, facts } = props
  const name = visible(nameVersion(side.version))
  const title = letter === '' ? 'Shown' : `Side ${letter}`
  return (
    <section class={`side is-${letter || 'one'}`} aria-label={title}>
      {letter !== '' && (
        <span class="side-letter" aria-hidden="true">
          {letter}
        </span>
      )}
      <Menu
        class="button is-quiet side-version"
        title={`${title}: ${name}. Choose another version`}
        label={
          <>
            <bdi>{name}</bdi>
            <Icon name="chevron" />
          </>
        }
      >
        {() => (
          <VersionList
            service={props.service}
            current={side.version}
            onChoose={(version) => {
              const choice = { version, from: null, to: null }
              change({
                ...(letter === 'A' ? { a: choice } : { b: choice }),
                frame: null,
                zoom: null,
              })
            }}
          />
        )}
      </Menu>
      <span class="side-facts">
        <span title={`${toUtc(side.fromMs)} – ${toUtc(side.toMs)}`}>
          {formatRange(side.fromMs, side.toMs, props.nowMs)}
        </span>
        {numbers && facts && (
          <SideNumbers
            numbers={numbers}
            unit={facts.unit}
            before={letter === 'B' ? facts.a : null}
          />
        )}
      </span>
      {letter !== '' && (
        <a
          class="side-link"
          title={`Plain flame graph of ${name}`}
          href={formatUrl({
            ...state,
            page: 'flame',
            a: DEFAULTS.a,
            b: choiceOf(side, rangeOf(state, props.nowMs)),
            frame: null,
            zoom: null,
            side: DEFAULTS.side,
            sort: '',
          })}
        >
          <Icon name="flame" />
          <span class="unseen">Plain flame graph of {name}</span>
        </a>
      )}
    </section>
  )
}

function SideNumbers(props: { numbers: SideFacts; unit: string; before: SideFacts | null }) {
  const { numbers, unit, before } = props
  const rate = coresPerHost(numbers, unit)
  const rateBefore = before && coresPerHost(before, unit)
  return (
    <>
      {rate !== null && (
        <strong>
          {formatCores(rate)} cores per host
          {rateBefore !== null && ` (${formatRelative(rateBefore, rate)})`}
        </strong>
      )}
      <span>
        {formatCount(numbers.hosts)} {numbers.hosts === 1 ? 'host' : 'hosts'}
      </span>
      {numbers.brokenShare > 0 && (
        <span title="Share of this side in stacks that do not reach the start of their thread">
          {formatShare(numbers.brokenShare)} broken stacks
        </span>
      )}
      <span>{formatValue(Number(numbers.total), unit)}</span>
      {numbers.samples !== null && <span>{formatCount(numbers.samples)} samples</span>}
    </>
  )
}

function coresPerHost(facts: SideFacts, unit: string): number | null {
  return unit === 'nanoseconds' && facts.hostSeconds > 0
    ? Number(facts.total) / 1e9 / facts.hostSeconds
    : null
}

function VersionList(props: {
  service: Service | null
  current: string
  onChoose: (version: string) => void
}) {
  const versions = props.service?.versions ?? []
  const one = (version: string, note: string) => (
    <li key={version}>
      <button
        type="button"
        data-closes
        aria-current={version === props.current ? 'true' : undefined}
        onClick={() => props.onChoose(version)}
      >
        <bdi>{version === '' ? 'All versions' : visible(version)}</bdi>
        <span class="quiet">{note}</span>
      </button>
    </li>
  )
  return (
    <ul class="menu-list">
      {versions.map(({ version, hosts, cores }) =>
        one(
          version,
          `${formatCount(hosts)} ${hosts === 1 ? 'host' : 'hosts'} · ${formatCores(cores)} cores`,
        ),
      )}
      {one('', '')}
    </ul>
  )
}
