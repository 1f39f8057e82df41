import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { visible } from '../flamegraph/label.ts'
import { formatRange, formatTime } from '../format-time.ts'
import { formatCores, formatCount, formatValue } from '../format-value.ts'
import { change } from '../navigation.ts'
import { nameVersion, type Side, type Sides } from '../sides.ts'
import { useTheme } from '../theme.ts'
import { Brush } from './brush.tsx'
import { drawLanes, LANE_PX, type TimelineColors } from './draw-lanes.ts'
import { fewLanes, type Lane, type Lanes, meanRate } from './lanes.ts'
import { clampMs, commitSpan, type Letter, type Span, spanOf, trackDrag } from './span.ts'

// As many lanes as leave room for the table below them.
const FEW = 6

/**
 * When each version ran, and the two parts that are compared. Dragging in the lane of A or B draws
 * that side anew; in another lane B, with Shift A.
 */
export function Timeline(props: { lanes: Lanes; sides: Sides; nowMs: number }) {
  const { sides } = props
  const [all, setAll] = useState(false)
  const lanes = useMemo(() => {
    const versions = [sides.a?.version ?? '', sides.b.version]
    return all ? props.lanes : fewLanes(props.lanes, FEW, versions)
  }, [props.lanes, all, sides.a?.version, sides.b.version])
  const hidden = props.lanes.lanes.length - lanes.lanes.length
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
          commitSpan(spanOf(letter, lane.version, start, msAt(event.clientX), lanes))
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
      {(hidden > 0 || all) && (
        <p class="timeline-note">
          <button type="button" class="button is-small" onClick={() => setAll(!all)}>
            {all ? 'Show fewer versions' : `Show ${formatCount(hidden)} older versions`}
          </button>
        </p>
      )}
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

function letterOf(lane: Lane, sides: Sides, shift: boolean): Letter {
  if (shift) return 'A'
  const isA = sides.a?.version === lane.version
  const isB = sides.b.version === lane.version
  return isA && !isB ? 'A' : 'B'
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
