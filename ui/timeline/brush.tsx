import { formatTime } from '../format-time.ts'
import { nameVersion } from '../sides.ts'
import { LANE_PX } from './draw-lanes.ts'
import { type Lanes, moveEdge } from './lanes.ts'
import { commitSpan, type Span, spanOf, trackDrag } from './span.ts'

/** One side on the timeline: drag it, drag an edge, or move an edge by keys. */
export function Brush(props: {
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
        if (moved !== span)
          commitSpan(spanOf(span.letter, span.version, moved.from, moved.to, lanes))
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
            commitSpan(move(edge, next))
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
                if (moved !== span) commitSpan(moved)
              },
            )
          }}
        />
      ))}
    </div>
  )
}
