import { timeTicks } from '../format-time.ts'
import { deploysOf, type Lanes } from './lanes.ts'

export const LANE_PX = 44
const AXIS_PX = 24

export type TimelineColors = {
  readonly ground: string
  readonly line: string
  readonly text: string
  readonly area: string
  readonly edge: string
  readonly font: string
  /** Of the lanes of the two sides, by version. */
  readonly lane: (version: string) => { readonly area: string; readonly edge: string } | null
}

/** Draws lanes, deploys and the time axis into a canvas of `width` CSS pixels. */
export function drawLanes(
  canvas: HTMLCanvasElement,
  lanes: Lanes,
  width: number,
  colors: TimelineColors,
): void {
  const ctx = canvas.getContext('2d', { alpha: false })
  if (!ctx) return
  const dpr = window.devicePixelRatio || 1
  const height = lanes.lanes.length * LANE_PX + AXIS_PX
  canvas.width = Math.max(1, Math.round(width * dpr))
  canvas.height = Math.round(height * dpr)
  canvas.style.width = `${width}px`
  canvas.style.height = `${height}px`
  ctx.setTransform(dpr, 0, 0, dpr, 0, 0)
  ctx.fillStyle = colors.ground
  ctx.fillRect(0, 0, width, height)
  const x = (ms: number): number => ((ms - lanes.fromMs) / (lanes.toMs - lanes.fromMs)) * width

  ctx.font = colors.font
  ctx.textBaseline = 'middle'
  for (const tick of timeTicks(lanes.fromMs, lanes.toMs, Math.floor(width / 90))) {
    ctx.fillStyle = colors.line
    ctx.fillRect(Math.round(x(tick.ms)), 0, 1, height - AXIS_PX + 4)
    ctx.fillStyle = colors.text
    const half = ctx.measureText(tick.label).width / 2
    const left = Math.min(width - 2 * half, Math.max(0, x(tick.ms) - half))
    ctx.fillText(tick.label, left, height - AXIS_PX / 2 + 2)
  }
  lanes.lanes.forEach((lane, i) => {
    const bottom = (i + 1) * LANE_PX
    ctx.fillStyle = colors.line
    ctx.fillRect(0, bottom - 1, width, 1)
    const paint = colors.lane(lane.version) ?? colors
    drawArea(ctx, lane.values, lanes, bottom - 1, x, paint)
  })
  ctx.strokeStyle = colors.text
  ctx.lineWidth = 1
  ctx.setLineDash([3, 3])
  for (const deploy of deploysOf(lanes)) {
    const at = Math.round(x(deploy.ms)) + 0.5
    ctx.beginPath()
    ctx.moveTo(at, 0)
    ctx.lineTo(at, height - AXIS_PX)
    ctx.stroke()
  }
  ctx.setLineDash([])
}

// A step is a flat piece: it is a mean over its time, and a line between two would invent values.
function drawArea(
  ctx: CanvasRenderingContext2D,
  values: readonly number[],
  lanes: Lanes,
  bottom: number,
  x: (ms: number) => number,
  paint: { readonly area: string; readonly edge: string },
): void {
  const scale = (LANE_PX - 10) / lanes.most
  ctx.fillStyle = paint.area
  const tops: [number, number, number][] = []
  values.forEach((value, i) => {
    if (!(value > 0)) return
    const left = x(lanes.fromMs + i * lanes.stepMs)
    const right = x(Math.min(lanes.toMs, lanes.fromMs + (i + 1) * lanes.stepMs))
    const top = bottom - Math.max(1, value * scale)
    ctx.fillRect(left, top, right - left, bottom - top)
    tops.push([left, right, top])
  })
  ctx.strokeStyle = paint.edge
  ctx.lineWidth = 1.25
  ctx.beginPath()
  let end = Number.NaN
  for (const [left, right, top] of tops) {
    if (Math.abs(left - end) < 0.01) ctx.lineTo(left, top)
    else ctx.moveTo(left, top)
    ctx.lineTo(right, top)
    end = right
  }
  ctx.stroke()
}
