import { useRef, useState } from 'preact/hooks'
import { announce } from '../announce.ts'
import { diffUrl, flamegraphUrl } from '../api-client.ts'
import { Icon } from '../elements/icon.tsx'
import { Menu } from '../elements/menu.tsx'
import { currentState } from '../navigation.ts'
import { pinTimes, type Sides } from '../sides.ts'
import { formatUrl } from '../url-state.ts'
import type { Ask } from './load-graph.ts'

/** Copy as link, table or command; download as what other tools read. */
export function Exports(props: {
  sides: Sides
  ask: Ask
  nowMs: number
  markdown: () => string
  picture: { png: () => void; svg: () => void } | null
}) {
  const { sides, ask } = props
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
    <Menu
      title="Copy or download"
      align="right"
      label={
        <>
          <Icon name="share" />
          <span class="is-wide-only">Share</span>
        </>
      }
    >
      <p class="menu-title">Copy</p>
      <ul class="menu-list">
        <li>
          <button type="button" onClick={() => void copy(link(), 'Link')}>
            Link with fixed times
          </button>
        </li>
        <li>
          <button type="button" onClick={() => void copy(props.markdown(), 'Table')}>
            Markdown table
          </button>
        </li>
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
        {props.picture && (
          <>
            <li>
              <button type="button" data-closes onClick={props.picture.png}>
                PNG of the view
              </button>
            </li>
            <li>
              <button type="button" data-closes onClick={props.picture.svg}>
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
    </Menu>
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
