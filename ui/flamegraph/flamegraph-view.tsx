import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { announce } from '../announce.ts'
import { keyOf } from '../keys.ts'
import { AriaMirror, childrenOf, itemId, siblingsOf } from './aria-mirror.tsx'
import { factsOfNode, factsOfRun, type Graph, sentenceOf } from './facts.ts'
import { GraphCanvas, type Hit, type Model, type Orientation } from './graph-canvas.ts'
import type { Layout } from './layout.ts'
import { diffPalette, plainPalette, type Theme } from './palette.ts'
import { paperOf } from './paper.ts'
import type { Shade } from './shade.ts'
import { FactsTable } from './tooltip.tsx'
import { nodeRange, type Range, wholeRange } from './viewport.ts'

export type GraphTarget = {
  /** Node the cursor stands on and the view is zoomed to. */
  readonly node: number
  /** Visible part as shares of the whole, where it is not the node's. */
  readonly zoom: readonly [number, number] | null
}

export type FlamegraphProps = {
  readonly label: string
  readonly graph: Graph
  readonly layout: Layout
  readonly shade: Shade
  readonly theme: Theme
  readonly orientation: Orientation
  readonly target: GraphTarget
  readonly marks: Uint8Array | null
  /** Filled with the canvas, for pictures of it. */
  readonly drawing?: { current: GraphCanvas | null }
  readonly onTarget: (target: GraphTarget, how: 'push' | 'replace') => void
  readonly onSandwich?: (node: number) => void
  readonly onCursor?: (node: number) => void
}

/** The flame graph: canvas, tooltip, keys, and the mirror that screen readers read. */
export function FlamegraphView(props: FlamegraphProps) {
  const { graph, layout, target } = props
  const prefix = useId()
  const scroller = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const own = useRef<GraphCanvas | null>(null)
  const drawing = props.drawing ?? own
  const tip = useRef<HTMLDivElement>(null)
  const [hit, setHit] = useState<Hit | null>(null)
  const [chosen, setCursor] = useState(target.node)
  // An index of the last graph may not exist in this one.
  const cursor = chosen < graph.tree.nodes ? chosen : 0
  const latest = useRef(props)
  latest.current = props

  // Before the browser paints: a graph that waits for effects is two frames late.
  useLayoutEffect(() => {
    if (!scroller.current || !canvas.current) return
    const view = new GraphCanvas(scroller.current, canvas.current, paperOf(props.theme), {
      onHover(next, x, y) {
        setHit(next)
        placeTip(tip.current, x, y)
      },
      onPick(picked) {
        const { layout, onTarget } = latest.current
        if (picked.kind === 'node') onTarget({ node: picked.node, zoom: null }, 'push')
        else
          onTarget({ node: latest.current.target.node, zoom: shares(picked.range, layout) }, 'push')
        scroller.current?.focus({ preventScroll: true })
      },
      onSettle(range) {
        const { layout, onTarget, target } = latest.current
        onTarget({ node: target.node, zoom: shares(range, layout) }, 'replace')
      },
    })
    drawing.current = view
    return () => view.close()
  }, [])

  const palette = useMemo(
    () => (props.shade.kind === 'diff' ? diffPalette(props.theme) : plainPalette(props.theme)),
    [props.shade.kind, props.theme],
  )
  const model = useMemo<Model>(
    () => ({
      tree: graph.tree,
      layout,
      shade: props.shade,
      palette,
      orientation: props.orientation,
    }),
    [graph, layout, props.shade, palette, props.orientation],
  )
  const painted = useRef(props.theme)
  useLayoutEffect(() => {
    if (painted.current !== props.theme) drawing.current?.setPaper(paperOf(props.theme))
    painted.current = props.theme
  }, [props.theme])
  const first = useRef(true)
  useLayoutEffect(() => {
    drawing.current?.setModel(model)
    drawing.current?.show(rangeOf(target, layout), false)
    if (props.orientation === 'up' && first.current && scroller.current)
      scroller.current.scrollTop = scroller.current.scrollHeight
    first.current = false
    drawing.current?.flush()
  }, [model])
  useEffect(() => {
    drawing.current?.show(rangeOf(target, layout), true)
    setCursor(target.node)
    drawing.current?.reveal(target.node)
  }, [graph, target.node, target.zoom?.[0], target.zoom?.[1]])
  useEffect(() => drawing.current?.setMarks(props.marks), [props.marks])
  // The ring of the first frame shows only where keys would move it.
  const showCursor = (): void => {
    const focused = document.activeElement === scroller.current
    drawing.current?.setCursor(cursor > 0 || focused ? cursor : -1)
  }
  useEffect(() => {
    showCursor()
    props.onCursor?.(cursor)
  }, [cursor, model])

  const moveTo = (node: number): void => {
    setCursor(node)
    drawing.current?.reveal(node)
    announce(sentenceOf(factsOfNode(graph, node)))
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const key = keyOf(event)
    const next = key && step(key, graph, layout, cursor, props.orientation)
    if (typeof next === 'number') moveTo(next)
    else if (key === 'Enter' || key === ' ') props.onTarget({ node: cursor, zoom: null }, 'push')
    else if (key === 's' && cursor > 0) props.onSandwich?.(cursor)
    else if (key === '+' || key === '=') drawing.current?.zoom(0.6)
    else if (key === '-') drawing.current?.zoom(1 / 0.6)
    else if (key === '0') props.onTarget({ node: 0, zoom: null }, 'push')
    else return
    event.preventDefault()
  }

  // Not made anew for every frame the pointer passes.
  const mirror = useMemo(
    () => <AriaMirror graph={graph} layout={layout} cursor={cursor} prefix={prefix} />,
    [graph, layout, cursor],
  )
  const facts =
    hit?.kind === 'node'
      ? factsOfNode(graph, hit.node)
      : hit?.kind === 'run'
        ? factsOfRun(graph, hit.first, hit.last)
        : null
  return (
    <div class="graph">
      <div
        ref={scroller}
        class="graph-scroll"
        role="tree"
        tabIndex={0}
        aria-label={props.label}
        aria-activedescendant={itemId(prefix, cursor)}
        onKeyDown={onKeyDown}
        onFocus={showCursor}
        onBlur={showCursor}
      >
        <div class="graph-space" style={{ height: `${GraphCanvas.contentHeight(graph.tree)}px` }}>
          <canvas ref={canvas} />
        </div>
        {mirror}
      </div>
      <div ref={tip} class={facts ? 'tip is-on' : 'tip'}>
        {facts && <FactsTable facts={facts} />}
      </div>
    </div>
  )
}

// Arrows walk the tree as it looks: towards the root, the leaves and the sides.
function step(
  key: string,
  graph: Graph,
  layout: Layout,
  cursor: number,
  orientation: Orientation,
): number | null {
  const towardsRoot = orientation === 'down' ? 'ArrowUp' : 'ArrowDown'
  const towardsLeaf = orientation === 'down' ? 'ArrowDown' : 'ArrowUp'
  if (key === 'Home') return 0
  if (key === towardsRoot) return cursor > 0 ? (graph.tree.parent[cursor] as number) : null
  if (key === towardsLeaf) return childrenOf(graph, layout, cursor)[0] ?? null
  if (key !== 'ArrowLeft' && key !== 'ArrowRight') return null
  const siblings = siblingsOf(graph, layout, cursor)
  return siblings[siblings.indexOf(cursor) + (key === 'ArrowLeft' ? -1 : 1)] ?? null
}

function rangeOf(target: GraphTarget, layout: Layout): Range {
  if (target.zoom) return { x0: target.zoom[0] * layout.total, x1: target.zoom[1] * layout.total }
  return target.node > 0 && (layout.w[target.node] ?? 0) > 0
    ? nodeRange(layout, target.node)
    : wholeRange(layout)
}

function shares(range: Range, layout: Layout): readonly [number, number] | null {
  if (range.x1 - range.x0 >= layout.total) return null
  return [range.x0 / layout.total, Math.min(1, range.x1 / layout.total)]
}

function placeTip(tip: HTMLElement | null, x: number, y: number): void {
  if (!tip) return
  const width = tip.offsetWidth || 320
  const height = tip.offsetHeight || 140
  const left = x + 16 + width > innerWidth ? Math.max(8, x - width - 12) : x + 16
  const top = y + 18 + height > innerHeight ? Math.max(8, y - height - 12) : y + 18
  tip.style.transform = `translate(${left}px, ${top}px)`
}
