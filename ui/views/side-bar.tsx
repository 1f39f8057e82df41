import type { Service, Side as SideFacts } from '../../query/api.ts'
import { Icon } from '../elements/icon.tsx'
import { Menu } from '../elements/menu.tsx'
import { visible } from '../flamegraph/label.ts'
import { formatRange, toUtc } from '../format-time.ts'
import { formatCount, formatNumber, formatShare, formatValue } from '../format-value.ts'
import { change } from '../navigation.ts'
import { nameVersion, type Side, type Sides } from '../sides.ts'
import { formatUrl, type UrlState } from '../url-state.ts'

/** The two sides: what each is, how much it is made of, and how to choose another. */
export function SideBar(props: {
  state: UrlState
  sides: Sides
  service: Service | null
  facts: { a: SideFacts; b: SideFacts | null; unit: string } | null
  nowMs: number
}) {
  const { state, sides, facts } = props
  if (!sides.a)
    return (
      <div class="sides">
        <SideCard
          {...props}
          letter="B"
          shown=""
          side={sides.b}
          facts={facts?.a ?? null}
          unit={facts?.unit ?? ''}
        />
      </div>
    )
  return (
    <div class="sides">
      <SideCard
        {...props}
        letter="A"
        shown="A"
        side={sides.a}
        facts={facts?.a ?? null}
        unit={facts?.unit ?? ''}
      />
      <button
        type="button"
        class="button is-icon"
        title="Swap A and B"
        onClick={() => change({ a: pinned(sides.b, state), b: pinned(sides.a as Side, state) })}
      >
        <Icon name="swap" />
        <span class="unseen">Swap A and B</span>
      </button>
      <SideCard
        {...props}
        letter="B"
        shown="B"
        side={sides.b}
        facts={facts?.b ?? null}
        unit={facts?.unit ?? ''}
      />
    </div>
  )
}

// Swapping keeps each side's own times only where they are not the page's.
function pinned(side: Side, state: UrlState) {
  const own = [state.a, state.b].find((choice) => choice.version === side.version)
  return own && own.from === null && own.to === null
    ? { version: side.version, from: null, to: null }
    : { version: side.version, from: toUtc(side.fromMs), to: toUtc(side.toMs) }
}

function SideCard(props: {
  state: UrlState
  letter: 'A' | 'B'
  shown: 'A' | 'B' | ''
  side: Side
  service: Service | null
  facts: SideFacts | null
  unit: string
  nowMs: number
}) {
  const { side, facts, letter, state } = props
  const name = visible(nameVersion(side.version))
  return (
    <section
      class={`side is-${props.shown || 'one'}`}
      aria-label={props.shown === '' ? 'Shown' : `Side ${props.shown}`}
    >
      {props.shown !== '' && (
        <span class="side-letter" aria-hidden="true">
          {props.shown}
        </span>
      )}
      <Menu
        class="button is-quiet side-version"
        title={`${props.shown === '' ? 'Shown' : `Side ${props.shown}`}: ${name}. Choose another version`}
        label={
          <>
            <bdi>{name}</bdi>
            <Icon name="chevron" />
          </>
        }
      >
        <VersionList
          service={props.service}
          current={side.version}
          onChoose={(version) => {
            const choice = { version, from: null, to: null }
            change(letter === 'A' ? { a: choice } : { b: choice })
          }}
        />
      </Menu>
      <span class="side-facts">
        <span title={`${toUtc(side.fromMs)} – ${toUtc(side.toMs)}`}>
          {formatRange(side.fromMs, side.toMs, props.nowMs)}
        </span>
        {facts && <SideNumbers facts={facts} unit={props.unit} />}
      </span>
      {props.shown !== '' && (
        <a
          class="side-link"
          title={`Plain flame graph of ${name}`}
          href={formatUrl({
            ...state,
            page: 'flame',
            a: { version: null, from: null, to: null },
            b: pinned(side, state),
            frame: null,
            zoom: null,
            side: 'diff',
            sort: '',
          })}
        >
          alone
        </a>
      )}
    </section>
  )
}

function SideNumbers({ facts, unit }: { facts: SideFacts; unit: string }) {
  const perHost = Number(facts.total) / 1e9 / facts.hostSeconds
  return (
    <>
      <span>
        {formatCount(facts.hosts)} {facts.hosts === 1 ? 'host' : 'hosts'}
      </span>
      <span>{formatValue(Number(facts.total), unit)}</span>
      {unit === 'nanoseconds' && facts.hostSeconds > 0 && (
        <span class="is-wide-only">{formatNumber(perHost)} cores per host</span>
      )}
      {facts.samples !== null && (
        <span class="is-wide-only">{formatCount(facts.samples)} samples</span>
      )}
      {facts.brokenShare > 0 && (
        <span title="Share of this side in stacks that do not reach the start of their thread">
          {formatShare(facts.brokenShare)} broken stacks
        </span>
      )}
    </>
  )
}

function VersionList(props: {
  service: Service | null
  current: string
  onChoose: (version: string) => void
}) {
  const versions = props.service?.versions ?? []
  return (
    <ul class="menu-list">
      {versions.map((version) => (
        <li key={version.version}>
          <button
            type="button"
            data-closes
            aria-current={version.version === props.current ? 'true' : undefined}
            onClick={() => props.onChoose(version.version)}
          >
            <bdi>{visible(version.version)}</bdi>
            <span class="quiet">
              {formatCount(version.hosts)} hosts · {formatNumber(version.cores)} cores
            </span>
          </button>
        </li>
      ))}
      <li>
        <button
          type="button"
          data-closes
          aria-current={props.current === '' ? 'true' : undefined}
          onClick={() => props.onChoose('')}
        >
          All versions
        </button>
      </li>
    </ul>
  )
}
