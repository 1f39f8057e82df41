import { useRef, useState } from 'preact/hooks'
import { announce } from '../announce.ts'
import { diffUrl, flamegraphUrl } from '../api-client.ts'
import { drawSvg } from '../flamegraph/draw-svg.ts'
import type { Graph } from '../flamegraph/facts.ts'
import type { GraphCanvas } from '../flamegraph/graph-canvas.ts'
import { currentState } from '../navigation.ts'
import { pinTimes, type Sides } from '../sides.ts'
import { formatUrl } from '../url-state.ts'
import type { Ask } from './load-graph.ts'
import { markdownTable } from './markdown.ts'

export type ExportsProps = {
  readonly sides: Sides
  readonly ask: Ask
  readonly nowMs: number
  /** Null while it is on its way. */
  readonly graph: Graph | null
  /** The graph on screen; null where there is none. */
  readonly drawing: { readonly current: GraphCanvas | null } | null
}

/** Copy as link, table or command; download as what other tools read. */
export function Exports(props: ExportsProps) {
  const { sides, ask, graph } = props
  const [fallback, setFallback] = useState<string | null>(null)
  const field = useRef<HTMLTextAreaElement>(null)
  const { a, b } = sides
  const url = (format: string, side?: 'a' | 'b'): string =>
    a
      ? diffUrl(a.part, b.part, ask, side ? { format, side } : { format })
      : flamegraphUrl(b.part, ask.type, format)

  // The clipboard needs a secure context; over plain HTTP the text is shown selected instead.
  const copy = async (text: string, what: string): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text)
      setFallback(null)
      announce(`${what} copied`)
    } catch {
      setFallback(text)
      requestAnimationFrame(() => field.current?.select())
    }
  }
  const link = (): string => location.origin + formatUrl(pinTimes(currentState(), props.nowMs))
  return (
    <>
      <p class="menu-title">Copy</p>
      <ul class="menu-list">
        <li>
          <button type="button" onClick={() => void copy(link(), 'Link')}>
            Link with fixed times
          </button>
        </li>
        {graph && (
          <li>
            <button type="button" onClick={() => void copy(markdownTable(graph, 20), 'Table')}>
              Markdown table
            </button>
          </li>
        )}
        <li>
          <button
            type="button"
            onClick={() => void copy(`curl '${location.origin}${url('json')}'`, 'Command')}
          >
            curl command
          </button>
        </li>
      </ul>
      {fallback !== null && (
        <textarea
          ref={field}
          class="copy-field"
          readOnly
          rows={3}
          aria-label="Press Ctrl+C to copy"
          value={fallback}
        />
      )}
      <p class="menu-title">Download</p>
      <ul class="menu-list">
        {props.drawing && (
          <>
            <li>
              <button
                type="button"
                data-closes
                onClick={() => void savePng(props.drawing?.current)}
              >
                PNG of the view
              </button>
            </li>
            <li>
              <button type="button" data-closes onClick={() => saveSvg(props.drawing?.current)}>
                SVG of the view
              </button>
            </li>
          </>
        )}
        <Download href={url('folded')} name="folded.txt" text="Folded stacks" />
        {a ? (
          <>
            <Download href={url('pprof', 'a')} name="a.pb.gz" text="pprof of A" />
            <Download href={url('pprof', 'b')} name="b.pb.gz" text="pprof of B" />
          </>
        ) : (
          <Download href={url('pprof')} name="profile.pb.gz" text="pprof" />
        )}
        <Download href={url('json')} name="flamegraph.json" text="JSON" />
      </ul>
    </>
  )
}

function Download({ href, name, text }: { href: string; name: string; text: string }) {
  return (
    <li>
      <a href={href} download={name} data-closes>
        {text}
      </a>
    </li>
  )
}

async function savePng(drawing: GraphCanvas | null | undefined): Promise<void> {
  const picture = await drawing?.png()
  if (picture) save(picture, 'flamegraph.png')
}

function saveSvg(drawing: GraphCanvas | null | undefined): void {
  const scene = drawing?.scene
  if (scene) save(new Blob([drawSvg(scene)], { type: 'image/svg+xml' }), 'flamegraph.svg')
}

function save(content: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(content)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
