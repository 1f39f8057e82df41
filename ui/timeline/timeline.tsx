import { useEffect, useRef, useState } from 'preact/hooks'
import { visible } from '../flamegraph/label.ts'
import { formatRange, formatTime, toUtc } from '../format-time.ts'
import { formatCores, formatCount, formatValue } from '../format-value.ts'
import { change } from '../navigation.ts'
import { nameVersion, type Side, type Sides } from '../sides.ts'
import { useTheme } from '../theme.ts'
import { drawLanes, LANE_PX, type TimelineColors } from './draw-lanes.ts'
import { type Lane, type Lanes, meanRate, moveEdge } from './lanes.ts'

type Letter = 'A' | 'B'
type Span = {
  readonly letter: Letter
  readonly version: string
  readonly from: number
  readonly to: number
}

/**
 * When each version ran, and the two parts that are compared. Dragging in the lane of A or B draws
 * that side anew; in another lane B, with Shift A.
 */
export function Timeline(props: { lanes: Lanes; sides: Sides; nowMs: number }) {
  const { lanes, sides } = props
  const theme = useTheme()
  const plot = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const [width, setWidth] = useState(0)
  const [drawn, setDrawn] = useState<Span | null>(null)

  useEffect(() => {
    if (!plot.current) return
    const observer = new ResizeObserver(([entry]) =>
      setWidth(Math.floor(entry?.contentRect.width ?? 0)),
    )
    observer.observe(plot.current)
    return () => observer.disconnect()
  }, [])
  useEffect(() => {
    if (canvas.current && width > 0) drawLanes(canvas.current, lanes, width, readColors(sides))
  }, [lanes, width, theme, sides.a?.version, sides.b.version])

  const msAt = (clientX: number): number => {
    const box = plot.current?.getBoundingClientRect()
    const share = box ? (clientX - box.left) / box.width : 0
    return clampMs(lanes, lanes.fromMs + share * (lanes.toMs - lanes.fromMs))
  }
  const startDrawing = (down: PointerEvent): void => {
    if (down.button !== 0 || !plot.current) return
    const lane =
      lanes.lanes[Math.floor((down.clientY - plot.current.getBoundingClientRect().top) / LANE_PX)]
    if (!lane) return
    const start = msAt(down.clientX)
    const letter = letterOf(lane, sides, down.shiftKey)
    trackDrag(
      (event) => setDrawn(spanOf(letter, lane.version, start, msAt(event.clientX), lanes)),
      (event) => {
        setDrawn(null)
        if (Math.abs(event.clientX - down.clientX) > 3)
          commit(spanOf(letter, lane.version, start, msAt(event.clientX), lanes))
      },
    )
  }
  const spans = (['A', 'B'] as const).flatMap((letter): Span[] => {
    const side = letter === 'A' ? sides.a : sides.b
    if (drawn?.letter === letter) return [drawn]
    const seen = side && side.toMs > lanes.fromMs && side.fromMs < lanes.toMs
    return seen ? [{ letter, version: side.version, from: side.fromMs, to: side.toMs }] : []
  })
  return (
    <section class="timeline" aria-label="Versions over time">
      <ul class="lane-names">
        {lanes.lanes.map((lane) => (
          <LaneName key={lane.version} lane={lane} lanes={lanes} sides={sides} />
        ))}
      </ul>
      <div ref={plot} class="lane-plot" onPointerDown={startDrawing}>
        <canvas ref={canvas} role="img" aria-label={describe(lanes, props.nowMs)} />
        {spans.map((span) => (
          <Brush
            key={span.letter}
            span={span}
            lanes={lanes}
            nowMs={props.nowMs}
            msAt={msAt}
            onDraw={setDrawn}
          />
        ))}
      </div>
      <Outside lanes={lanes} sides={sides} nowMs={props.nowMs} />
    </section>
  )
}

/** Says of a side that lies outside the timeline where it is. */
function Outside({ lanes, sides, nowMs }: { lanes: Lanes; sides: Sides; nowMs: number }) {
  const outside = (['a', 'b'] as const).flatMap((key) => {
    const side = sides[key]
    return side && (side.toMs <= lanes.fromMs || side.fromMs >= lanes.toMs) ? [{ key, side }] : []
  })
  if (outside.length === 0) return null
  return (
    <p class="timeline-note">
      {outside.map(({ key, side }) => (
        <span key={key}>
          {key.toUpperCase()} is {visible(nameVersion(side.version))} of{' '}
          {formatRange(side.fromMs, side.toMs, nowMs)}, outside this range.{' '}
        </span>
      ))}
    </p>
  )
}

function LaneName({ lane, lanes, sides }: { lane: Lane; lanes: Lanes; sides: Sides }) {
  const mean = meanRate(lane, lanes)
  const name = visible(nameVersion(lane.version))
  const rate =
    lanes.unit === 'nanoseconds'
      ? `${formatCores(mean)} cores`
      : `${formatValue(mean, lanes.unit)}/s`
  const choice = { version: lane.version, from: null, to: null }
  const is = (side: Side | null): boolean => side?.version === lane.version
  return (
    <li style={{ height: `${LANE_PX}px` }}>
      <span class="lane-name" title={name}>
        <bdi>{name}</bdi>
        <span class="quiet">
          {formatCount(lane.hosts)} {lane.hosts === 1 ? 'host' : 'hosts'} · {rate}
        </span>
      </span>
      <span class="lane-sides">
        <button
          type="button"
          class="side-letter is-A"
          aria-pressed={is(sides.a)}
          title={`Use ${name} as A, the baseline`}
          onClick={() => change({ a: choice })}
        >
          A
        </button>
        <button
          type="button"
          class="side-letter is-B"
          aria-pressed={is(sides.b)}
          title={`Use ${name} as B, the candidate`}
          onClick={() => change({ b: choice })}
        >
          B
        </button>
      </span>
    </li>
  )
}

function Brush(props: {
  span: Span
  lanes: Lanes
  nowMs: number
  msAt: (clientX: number) => number
  onDraw: (span: Span | null) => void
}) {
  const { span, lanes } = props
  const row = lanes.lanes.findIndex((lane) => lane.version === span.version)
  const share = (ms: number): number =>
    (100 * (Math.min(lanes.toMs, Math.max(lanes.fromMs, ms)) - lanes.fromMs)) /
    (lanes.toMs - lanes.fromMs)
  const move = (edge: 'from' | 'to', ms: number): Span =>
    edge === 'from'
      ? spanOf(span.letter, span.version, Math.min(ms, span.to - lanes.stepMs), span.to, lanes)
      : spanOf(span.letter, span.version, span.from, Math.max(ms, span.from + lanes.stepMs), lanes)
  const startMoving = (down: PointerEvent): void => {
    if (down.button !== 0) return
    down.stopPropagation()
    const grabbed = props.msAt(down.clientX)
    const length = span.to - span.from
    let moved = span
    trackDrag(
      (event) => {
        const from = Math.min(
          lanes.toMs - length,
          Math.max(lanes.fromMs, span.from + props.msAt(event.clientX) - grabbed),
        )
        moved = { ...span, from, to: from + length }
        props.onDraw(moved)
      },
      () => {
        props.onDraw(null)
        if (moved !== span) commit(spanOf(span.letter, span.version, moved.from, moved.to, lanes))
      },
    )
  }
  const whole = span.from <= lanes.fromMs && span.to >= lanes.toMs
  return (
    <div
      class={`brush is-${span.letter}`}
      style={{
        left: `${share(span.from)}%`,
        width: `${share(span.to) - share(span.from)}%`,
        top: `${row < 0 ? 0 : row * LANE_PX}px`,
        height: `${row < 0 ? lanes.lanes.length * LANE_PX : LANE_PX - 1}px`,
      }}
      onPointerDown={whole ? undefined : startMoving}
    >
      <span class="brush-letter" aria-hidden="true">
        {span.letter}
      </span>
      {(['from', 'to'] as const).map((edge) => (
        <div
          key={edge}
          class={`brush-handle is-${edge}`}
          role="slider"
          tabIndex={0}
          aria-orientation="horizontal"
          aria-label={`${edge === 'from' ? 'Start' : 'End'} of ${span.letter}`}
          aria-valuemin={Math.round(lanes.fromMs / 1000)}
          aria-valuemax={Math.round(lanes.toMs / 1000)}
          aria-valuenow={Math.round(span[edge] / 1000)}
          aria-valuetext={`${formatTime(span[edge], props.nowMs)}, version ${nameVersion(span.version)}`}
          onKeyDown={(event) => {
            const next = moveEdge(event.key, event.shiftKey, span[edge], lanes)
            if (next === null) return
            event.preventDefault()
            commit(move(edge, next))
          }}
          onPointerDown={(down) => {
            if (down.button !== 0) return
            down.stopPropagation()
            let moved = span
            trackDrag(
              (event) => {
                moved = move(edge, props.msAt(event.clientX))
                props.onDraw(moved)
              },
              () => {
                props.onDraw(null)
                if (moved !== span) commit(moved)
              },
            )
          }}
        />
      ))}
    </div>
  )
}

function letterOf(lane: Lane, sides: Sides, shift: boolean): Letter {
  if (shift) return 'A'
  const isA = sides.a?.version === lane.version
  const isB = sides.b.version === lane.version
  return isA && !isB ? 'A' : 'B'
}

/** A span in whole steps, inside the range and at least one step long. */
function spanOf(letter: Letter, version: string, x: number, y: number, lanes: Lanes): Span {
  const snap = (ms: number): number =>
    clampMs(lanes, lanes.fromMs + Math.round((ms - lanes.fromMs) / lanes.stepMs) * lanes.stepMs)
  const from = Math.min(snap(Math.min(x, y)), lanes.toMs - lanes.stepMs)
  return { letter, version, from, to: Math.max(snap(Math.max(x, y)), from + lanes.stepMs) }
}

function clampMs(lanes: Lanes, ms: number): number {
  return Math.min(lanes.toMs, Math.max(lanes.fromMs, ms))
}

function commit(span: Span): void {
  const choice = { version: span.version, from: toUtc(span.from), to: toUtc(span.to) }
  change(span.letter === 'A' ? { a: choice } : { b: choice })
}

function trackDrag(move: (event: PointerEvent) => void, end: (event: PointerEvent) => void): void {
  const until = new AbortController()
  const options = { signal: until.signal }
  window.addEventListener('pointermove', move, options)
  const finish = (event: PointerEvent): void => {
    until.abort()
    end(event)
  }
  window.addEventListener('pointerup', finish, options)
  window.addEventListener('pointercancel', finish, options)
}

function describe(lanes: Lanes, nowMs: number): string {
  const parts = lanes.lanes.map((lane) => {
    const since =
      lane.deployedMs === null ? 'all along' : `since ${formatTime(lane.deployedMs, nowMs)}`
    return `${nameVersion(lane.version)} ${since}`
  })
  return `Use over time of ${lanes.lanes.length} versions: ${parts.join(', ')}`
}

function readColors(sides: Sides): TimelineColors {
  const style = getComputedStyle(document.documentElement)
  const read = (name: string): string => style.getPropertyValue(name).trim()
  const a = { area: read('--a-area'), edge: read('--a') }
  const b = { area: read('--b-area'), edge: read('--b') }
  return {
    ground: read('--surface'),
    line: read('--border'),
    text: read('--text-quiet'),
    area: read('--lane-area'),
    edge: read('--lane-edge'),
    font: `11px ${read('--font')}`,
    lane: (version) => (version === sides.b.version ? b : version === sides.a?.version ? a : null),
  }
}
