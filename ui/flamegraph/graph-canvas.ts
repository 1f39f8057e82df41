import { listenToGestures, type Movable } from './gestures.ts'
import { findNode } from './hit.ts'
import { createLabels } from './label.ts'
import type { Layout } from './layout.ts'
import { createBuckets, type Paper, paint, ROW_PX, type Scene } from './paint.ts'
import type { Palette } from './palette.ts'
import { measureOf } from './paper.ts'
import { createPlan, findRun, planView, RUN_PX } from './plan.ts'
import type { Shade } from './shade.ts'
import { levelCount, levelOf, type Tree } from './tree.ts'
import { blendRange, clampRange, type Range, zoomRange } from './viewport.ts'

export type Orientation = 'down' | 'up'

export type Model = {
  readonly tree: Tree
  readonly layout: Layout
  readonly shade: Shade
  readonly palette: Palette
  readonly orientation: Orientation
}

/** What lies under the pointer: one frame, or a run of frames too narrow to tell apart. */
export type Hit =
  | { readonly kind: 'node'; readonly node: number }
  | { readonly kind: 'run'; readonly first: number; readonly last: number; readonly range: Range }

export type GraphEvents = {
  readonly onHover: (hit: Hit | null, clientX: number, clientY: number) => void
  readonly onPick: (hit: Hit) => void
  /** The user moved the view by wheel or drag and has let go of it. */
  readonly onSettle: (range: Range) => void
}

const SETTLE_MS = 200
const GLIDE_MS = 140

/**
 * Draws a tree into a canvas that sticks to the top of a scrolling element, and turns wheel, drag
 * and click into view changes. The canvas is as big as the visible part, never as tall as the tree.
 * Draws only inside animation frames. Free with close().
 */
export class GraphCanvas {
  readonly #scroller: HTMLElement
  readonly #canvas: HTMLCanvasElement
  readonly #ctx: CanvasRenderingContext2D
  readonly #events: GraphEvents
  readonly #plan = createPlan()
  readonly #buckets = createBuckets()
  readonly #ended = new AbortController()
  readonly #resized: ResizeObserver
  #model: Model | null = null
  #paper: Paper
  #labels: ReturnType<typeof createLabels> | null = null
  #range: Range = { x0: 0, x1: 1 }
  #marks: Uint8Array | null = null
  #cursor = -1
  #hover: Hit | null = null
  #width = 0
  #height = 0
  #dpr = 0
  #frame = 0
  #settle: ReturnType<typeof setTimeout> | undefined
  #glide: { from: Range; to: Range; since: number } | null = null

  constructor(scroller: HTMLElement, canvas: HTMLCanvasElement, paper: Paper, events: GraphEvents) {
    const ctx = canvas.getContext('2d', { alpha: false })
    if (!ctx) throw new Error('This browser gives no 2D canvas, which the flame graph is drawn on.')
    this.#scroller = scroller
    this.#canvas = canvas
    this.#ctx = ctx
    this.#paper = paper
    this.#events = events
    this.#resized = new ResizeObserver(() => this.#resize())
    this.#resized.observe(scroller)
    this.#listen()
    this.#resize()
  }

  close(): void {
    this.#ended.abort()
    this.#resized.disconnect()
    cancelAnimationFrame(this.#frame)
    clearTimeout(this.#settle)
  }

  setModel(model: Model): void {
    const old = this.#model
    this.#model = model
    if (old?.tree.functions !== model.tree.functions) this.#labels = null
    if (old?.layout !== model.layout) {
      this.#range = clampRange(this.#range, model.layout.total)
      this.#glide = null
      this.#hover = null
    }
    this.draw()
  }

  setPaper(paper: Paper): void {
    if (paper.font !== this.#paper.font) this.#labels = null
    this.#paper = paper
    this.draw()
  }

  setMarks(marks: Uint8Array | null): void {
    this.#marks = marks
    this.draw()
  }

  setCursor(node: number): void {
    this.#cursor = node
    this.draw()
  }

  /** Moves the view; glides unless told not to or the user asked for less motion. */
  show(range: Range, glide: boolean): void {
    if (!this.#model) return
    const to = clampRange(range, this.#model.layout.total)
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches
    // What the user just did by hand must not be undone late, nor done again.
    clearTimeout(this.#settle)
    const near = (to.x1 - to.x0) * 1e-4
    const there = Math.abs(to.x0 - this.#range.x0) + Math.abs(to.x1 - this.#range.x1) < near
    if (!glide || still || there) {
      this.#glide = null
      this.#range = to
    } else this.#glide = { from: this.#range, to, since: performance.now() }
    this.draw()
  }

  /** Zooms around the middle of the view; `factor` below 1 zooms in. */
  zoom(factor: number): void {
    if (this.#model) this.#moveTo(zoomRange(this.#range, 0.5, factor, this.#model.layout.total))
  }

  /** Scrolls so that a level is visible with a few of its callers. */
  reveal(node: number): void {
    if (!this.#model || node < 0) return
    const top = this.#top(levelOf(this.#model.tree, node))
    if (top >= 0 && top + ROW_PX <= this.#height) return
    const margin = Math.min(4 * ROW_PX, this.#height / 3)
    this.#scroller.scrollTop +=
      this.#model.orientation === 'down' ? top - margin : top - this.#height + ROW_PX + margin
  }

  /** What is on screen as a PNG, in device pixels. */
  png(): Promise<Blob | null> {
    this.#paintNow()
    return new Promise((resolve) => this.#canvas.toBlob(resolve, 'image/png'))
  }

  /** What is on screen, for other ways to draw it. */
  get scene(): Scene | null {
    return this.#model ? this.#planScene(this.#model) : null
  }

  /** Draws at once what would be drawn in the next frame. */
  flush(): void {
    if (this.#frame !== 0) this.#paintNow()
  }

  draw(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#paintNow())
  }

  /** Height of the whole tree in CSS pixels. */
  static contentHeight(tree: Tree): number {
    return levelCount(tree) * ROW_PX
  }

  hitAt(clientX: number, clientY: number): Hit | null {
    const model = this.#model
    if (!model) return null
    const box = this.#canvas.getBoundingClientRect()
    const x = clientX - box.left
    const level = this.#rowAt(clientY - box.top)
    if (x < 0 || x >= this.#width) return null
    const perPx = (this.#range.x1 - this.#range.x0) / this.#width
    const node = findNode(model.tree, model.layout, level, this.#range.x0 + x * perPx)
    if (node >= 0 && (model.layout.w[node] as number) >= RUN_PX * perPx)
      return { kind: 'node', node }
    const run = findRun(this.#plan, level, x)
    if (run < 0) return null
    const first = this.#plan.runFirst[run] as number
    const last = this.#plan.runLast[run] as number
    if (first === last) return { kind: 'node', node: first }
    const { start, w } = model.layout
    const x1 = (start[last] as number) + (w[last] as number)
    return { kind: 'run', first, last, range: { x0: start[first] as number, x1 } }
  }

  #contentHeight(): number {
    const rows = this.#model ? levelCount(this.#model.tree) : 0
    return Math.max(this.#height, rows * ROW_PX)
  }

  #top(level: number): number {
    return this.#tops()(level)
  }

  /** Tops of levels as things stand: the scroll position is asked for once, not for every box. */
  #tops(): (level: number) => number {
    const scrolled = this.#scroller.scrollTop
    const bottom = this.#contentHeight() - scrolled
    return this.#model?.orientation === 'up'
      ? (level) => bottom - (level + 1) * ROW_PX
      : (level) => level * ROW_PX - scrolled
  }

  /** Level at a height of the canvas, also beyond the last one. */
  #rowAt(y: number): number {
    const at = y + this.#scroller.scrollTop
    const fromRoot = this.#model?.orientation === 'up' ? this.#contentHeight() - at : at
    return Math.floor(fromRoot / ROW_PX)
  }

  #resize(): void {
    const width = this.#scroller.clientWidth
    const height = this.#scroller.clientHeight
    const dpr = window.devicePixelRatio || 1
    // The observer reports the first size, too, which is known by then.
    if (width === this.#width && height === this.#height && dpr === this.#dpr) return
    this.#width = width
    this.#height = height
    this.#dpr = dpr
    this.#canvas.width = Math.max(1, Math.round(this.#width * this.#dpr))
    this.#canvas.height = Math.max(1, Math.round(this.#height * this.#dpr))
    this.#canvas.style.width = `${this.#width}px`
    this.#canvas.style.height = `${this.#height}px`
    // Setting the size cleared the canvas: draw before the browser shows it.
    if (this.#model) this.#paintNow()
  }

  #paintNow(): void {
    cancelAnimationFrame(this.#frame)
    this.#frame = 0
    const model = this.#model
    if (!model || this.#width === 0) return
    this.#advanceGlide()
    paint(this.#ctx, this.#planScene(model), this.#buckets)
    if (this.#glide) this.draw()
  }

  // Plans what is in view and gathers all that a picture of it takes.
  #planScene(model: Model): Scene {
    this.#labels ??= createLabels(model.tree.functions.name, measureOf(this.#paper.font))
    const last = levelCount(model.tree) - 1
    const rows = [this.#rowAt(0), this.#rowAt(this.#height - 1)]
    planView(
      model.tree,
      model.layout,
      {
        ...this.#range,
        width: this.#width,
        firstLevel: Math.max(0, Math.min(...rows)),
        lastLevel: Math.min(last, Math.max(...rows)),
      },
      this.#plan,
    )
    const hover = this.#hover
    return {
      tree: model.tree,
      plan: this.#plan,
      shade: model.shade,
      palette: model.palette,
      paper: this.#paper,
      labels: this.#labels,
      width: this.#width,
      height: this.#height,
      dpr: this.#dpr,
      top: this.#tops(),
      marks: this.#marks,
      cursor: this.#cursor,
      hover: hover?.kind === 'node' ? hover.node : -1,
      hoverRun: hover?.kind === 'run' ? this.#runOf(hover.first) : -1,
    }
  }

  #runOf(first: number): number {
    for (let i = 0; i < this.#plan.runs; i++) if (this.#plan.runFirst[i] === first) return i
    return -1
  }

  #advanceGlide(): void {
    const glide = this.#glide
    if (!glide) return
    const t = Math.min(1, (performance.now() - glide.since) / GLIDE_MS)
    this.#range = blendRange(glide.from, glide.to, 1 - (1 - t) ** 3)
    if (t >= 1) {
      this.#range = glide.to
      this.#glide = null
    }
  }

  #listen(): void {
    const { signal } = this.#ended
    this.#scroller.addEventListener('scroll', () => this.draw(), { signal })
    const view = this
    const movable: Movable = {
      get range() {
        return view.#range
      },
      get total() {
        return view.#model?.layout.total ?? 1
      },
      moveTo: (range) => this.#moveTo(range),
      point: (x, y) => this.#setHover(this.hitAt(x, y), x, y),
      leave: () => this.#setHover(null, 0, 0),
      pick: (x, y) => {
        const hit = this.hitAt(x, y)
        if (hit) this.#events.onPick(hit)
      },
    }
    listenToGestures(this.#scroller, this.#canvas, movable, signal)
  }

  #moveTo(range: Range): void {
    this.#glide = null
    this.#range = range
    this.draw()
    clearTimeout(this.#settle)
    this.#settle = setTimeout(() => this.#events.onSettle(this.#range), SETTLE_MS)
  }

  #setHover(hit: Hit | null, x: number, y: number): void {
    const same = sameHit(hit, this.#hover)
    this.#hover = hit
    this.#events.onHover(hit, x, y)
    if (!same) {
      this.#scroller.classList.toggle('is-over-frame', hit !== null)
      this.draw()
    }
  }
}

function sameHit(a: Hit | null, b: Hit | null): boolean {
  if (a === null || b === null) return a === b
  if (a.kind === 'node') return b.kind === 'node' && a.node === b.node
  return b.kind === 'run' && a.first === b.first && a.last === b.last
}
