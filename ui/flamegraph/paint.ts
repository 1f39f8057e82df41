import type { createLabels } from './label.ts'
import type { Palette } from './palette.ts'
import type { Plan } from './plan.ts'
import type { Shade } from './shade.ts'
import type { Tree } from './tree.ts'

export const ROW_PX = 20
export const TEXT_FROM_PX = 30
export const PAD_PX = 4

/** Colours and fonts of the page, read from its style sheet. */
export type Paper = {
  readonly ground: string
  readonly ring: string
  readonly hover: string
  readonly mark: string
  readonly hatch: string
  readonly font: string
}

export type Scene = {
  readonly tree: Tree
  readonly plan: Plan
  readonly shade: Shade
  readonly palette: Palette
  readonly paper: Paper
  readonly labels: ReturnType<typeof createLabels>
  readonly width: number
  readonly height: number
  readonly dpr: number
  /** Top edge of a level in CSS pixels. */
  readonly top: (level: number) => number
  /** 1 per function to keep; null: nothing is searched for. */
  readonly marks: Uint8Array | null
  readonly cursor: number
  readonly hover: number
  readonly hoverRun: number
}

/** Boxes by colour: filled anew for every frame, kept to spare the garbage collector. */
export type Buckets = {
  readonly fill: number[][]
  readonly dim: number[][]
  /** Text colour of each box that has room for a text. */
  readonly text: Map<string, number[]>
}

export function createBuckets(): Buckets {
  return { fill: [], dim: [], text: new Map() }
}

function emptyBuckets(buckets: Buckets, count: number): void {
  for (const lists of [buckets.fill, buckets.dim]) {
    while (lists.length < count) lists.push([])
    for (const list of lists) list.length = 0
  }
  for (const list of buckets.text.values()) list.length = 0
}

/**
 * Draws one frame. Boxes go bucket by bucket, so that the fill style changes at most once per
 * colour; texts come last. Edges are snapped to device pixels.
 */
export function paint(ctx: CanvasRenderingContext2D, scene: Scene, buckets: Buckets): void {
  const { plan, dpr, palette, paper } = scene
  ctx.setTransform(1, 0, 0, 1, 0, 0)
  ctx.fillStyle = paper.ground
  ctx.fillRect(0, 0, Math.ceil(scene.width * dpr), Math.ceil(scene.height * dpr))

  emptyBuckets(buckets, palette.fill.length)
  const hatched: number[] = []
  for (let i = 0; i < plan.boxes; i++) {
    const node = plan.node[i] as number
    const dim = scene.marks !== null && scene.marks[scene.tree.fn[node] as number] !== 1
    const bucket = scene.shade.node(node)
    const list = dim ? buckets.dim : buckets.fill
    list[bucket]?.push(i)
    if (scene.shade.only(node) !== 0 && !dim) hatched.push(i)
    if ((plan.w[i] as number) >= TEXT_FROM_PX)
      addText(buckets, (dim ? palette.dimText : palette.text)[bucket] as string, i)
  }
  const markedRuns = sortRuns(scene, buckets)

  for (let b = 0; b < palette.fill.length; b++) {
    fillBoxes(ctx, scene, buckets.fill[b] as number[], palette.fill[b] as string)
    fillBoxes(ctx, scene, buckets.dim[b] as number[], palette.dimFill[b] as string)
  }
  paintHatches(ctx, scene, hatched)
  paintMarks(ctx, scene, markedRuns)
  paintTexts(ctx, scene, buckets.text)
  paintRings(ctx, scene)
}

// Runs share the buckets as negative numbers: -1 - run. Returns the runs that hold a match.
function sortRuns(scene: Scene, buckets: Buckets): number[] {
  const { plan, shade, marks, tree } = scene
  const marked: number[] = []
  for (let i = 0; i < plan.runs; i++) {
    const first = plan.runFirst[i] as number
    const last = plan.runLast[i] as number
    const bucket = shade.run(first, last)
    let match = marks === null
    if (marks) {
      for (let node = first; node <= last && !match; node++)
        match = marks[tree.fn[node] as number] === 1
      if (match) marked.push(i)
    }
    ;(match ? buckets.fill : buckets.dim)[bucket]?.push(-1 - i)
  }
  return marked
}

function fillBoxes(
  ctx: CanvasRenderingContext2D,
  scene: Scene,
  list: readonly number[],
  fill: string,
): void {
  if (list.length === 0) return
  const { plan, dpr } = scene
  ctx.fillStyle = fill
  const gap = dpr >= 2 ? 1 : 0.5
  const height = Math.round(ROW_PX * dpr) - Math.max(1, Math.round(dpr / 2))
  let runY = -1
  let runX = 0
  let runEnd = 0
  for (const at of list) {
    if (at >= 0) {
      const x = (plan.x[at] as number) * dpr
      const left = Math.round(x)
      const right = Math.round(x + (plan.w[at] as number) * dpr - gap)
      const y = Math.round(scene.top(plan.level[at] as number) * dpr)
      ctx.fillRect(left, y, Math.max(1, right - left), height)
      continue
    }
    // Runs of one colour that touch become one rectangle.
    const run = -1 - at
    const x = (plan.runX[run] as number) * dpr
    const left = Math.floor(x)
    const right = Math.max(left + 1, Math.round(x + (plan.runW[run] as number) * dpr))
    const y = Math.round(scene.top(plan.runLevel[run] as number) * dpr)
    if (y === runY && left <= runEnd) {
      runEnd = right
      continue
    }
    if (runY >= 0 || runEnd > runX) ctx.fillRect(runX, runY, runEnd - runX, height)
    runY = y
    runX = left
    runEnd = right
  }
  if (runEnd > runX) ctx.fillRect(runX, runY, runEnd - runX, height)
}

// New and gone frames carry a direction besides their colour: it survives greyscale and print.
function paintHatches(ctx: CanvasRenderingContext2D, scene: Scene, list: readonly number[]): void {
  if (list.length === 0) return
  const { plan, dpr } = scene
  ctx.save()
  ctx.scale(dpr, dpr)
  ctx.strokeStyle = scene.paper.hatch
  ctx.lineWidth = 1
  ctx.beginPath()
  for (const at of list) {
    const x = plan.x[at] as number
    const w = (plan.w[at] as number) - 1
    const y = scene.top(plan.level[at] as number)
    const up = scene.shade.only(plan.node[at] as number) > 0
    traceHatch(ctx, x, y, w, ROW_PX - 1, up)
  }
  ctx.stroke()
  ctx.restore()
}

const HATCH_PX = 6

/** Adds the lines of a hatched box to the current path: rising to the right, or falling. */
function traceHatch(
  ctx: Pick<CanvasRenderingContext2D, 'moveTo' | 'lineTo'>,
  x: number,
  y: number,
  w: number,
  h: number,
  rising: boolean,
): void {
  for (let offset = HATCH_PX - h; offset < w; offset += HATCH_PX) {
    // The line from (offset, bottom) to (offset + h, top), cut to the box.
    const from = Math.max(0, offset)
    const to = Math.min(w, offset + h)
    if (to <= from) continue
    const yFrom = from - offset
    const yTo = to - offset
    ctx.moveTo(x + from, rising ? y + h - yFrom : y + yFrom)
    ctx.lineTo(x + to, rising ? y + h - yTo : y + yTo)
  }
}

// A match inside a run is too small to see: a bar under it says that there is one.
function paintMarks(ctx: CanvasRenderingContext2D, scene: Scene, runs: readonly number[]): void {
  const { plan, dpr } = scene
  ctx.fillStyle = scene.paper.mark
  for (const run of runs) {
    const x = Math.floor((plan.runX[run] as number) * dpr)
    const y = Math.round(scene.top(plan.runLevel[run] as number) * dpr)
    const width = Math.max(Math.round(2 * dpr), Math.round((plan.runW[run] as number) * dpr))
    ctx.fillRect(x, y + Math.round((ROW_PX - 4) * dpr), width, Math.round(3 * dpr))
  }
}

function addText(buckets: Buckets, color: string, box: number): void {
  const list = buckets.text.get(color)
  if (list) list.push(box)
  else buckets.text.set(color, [box])
}

function paintTexts(
  ctx: CanvasRenderingContext2D,
  scene: Scene,
  texts: ReadonlyMap<string, readonly number[]>,
): void {
  const { plan, tree, dpr } = scene
  ctx.setTransform(dpr, 0, 0, dpr, 0, 0)
  ctx.font = scene.paper.font
  ctx.textBaseline = 'middle'
  ctx.fontKerning = 'none'
  for (const [color, list] of texts) {
    ctx.fillStyle = color
    for (const i of list) {
      const f = tree.fn[plan.node[i] as number] as number
      const label = scene.labels(f, (plan.w[i] as number) - 2 * PAD_PX)
      const y = scene.top(plan.level[i] as number) + ROW_PX / 2
      if (label !== '') ctx.fillText(label, (plan.x[i] as number) + PAD_PX, y)
    }
  }
}

function paintRings(ctx: CanvasRenderingContext2D, scene: Scene): void {
  const { plan } = scene
  if (scene.hoverRun >= 0 && scene.hoverRun < plan.runs)
    ring(
      ctx,
      plan.runX[scene.hoverRun] as number,
      scene.top(plan.runLevel[scene.hoverRun] as number),
      plan.runW[scene.hoverRun] as number,
      scene.paper.hover,
      1.5,
    )
  for (let i = 0; i < plan.boxes; i++) {
    const node = plan.node[i] as number
    if (node !== scene.cursor && node !== scene.hover) continue
    const isCursor = node === scene.cursor
    ring(
      ctx,
      plan.x[i] as number,
      scene.top(plan.level[i] as number),
      plan.w[i] as number,
      isCursor ? scene.paper.ring : scene.paper.hover,
      isCursor ? 2 : 1.5,
    )
  }
}

function ring(
  ctx: CanvasRenderingContext2D,
  x: number,
  y: number,
  w: number,
  color: string,
  width: number,
): void {
  ctx.strokeStyle = color
  ctx.lineWidth = width
  ctx.strokeRect(x + width / 2, y + width / 2 - 0.5, Math.max(1, w - width), ROW_PX - width)
}
