import { useEffect, useRef, useState } from 'preact/hooks'
import { Icon } from '../elements/icon.tsx'
import { formatCount, formatShare } from '../format-value.ts'
import { change } from '../navigation.ts'
import type { Marks } from './use-marks.ts'

const WAIT_MS = 150

/** Searches while typing; the address follows without an entry per letter. */
export function SearchBox(props: {
  search: string
  marks: Marks | null
  onStep: (by: 1 | -1) => void
}) {
  const [text, setText] = useState(props.search)
  const waiting = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => {
    setText(props.search)
    return () => clearTimeout(waiting.current)
  }, [props.search])
  const type = (next: string): void => {
    setText(next)
    clearTimeout(waiting.current)
    waiting.current = setTimeout(() => change({ search: next }, 'replace'), WAIT_MS)
  }
  const { marks } = props
  const found = props.search !== '' && marks?.matches ? marks.matches : null
  return (
    <search class="search">
      <Icon name="search" />
      <input
        id="search"
        type="search"
        value={text}
        placeholder="Search functions"
        aria-label="Search functions; /pattern/ is a regular expression"
        aria-keyshortcuts="/"
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => type(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') props.onStep(event.shiftKey ? -1 : 1)
          else if (event.key === 'Escape') {
            type('')
            event.currentTarget.blur()
          } else return
          event.preventDefault()
        }}
      />
      {text === '' && <kbd>/</kbd>}
      {marks?.bad && <span class="search-note is-bad">not a pattern</span>}
      {found && (
        <>
          <span class="search-note" role="status">
            {found.count === 0
              ? 'no match'
              : `${formatCount(found.count)} · ${formatShare(found.share)}`}
          </span>
          <button
            type="button"
            class="button is-icon is-small"
            title="Previous match (N)"
            onClick={() => props.onStep(-1)}
          >
            <Icon name="up" />
            <span class="unseen">Previous match</span>
          </button>
          <button
            type="button"
            class="button is-icon is-small"
            title="Next match (n)"
            onClick={() => props.onStep(1)}
          >
            <Icon name="down" />
            <span class="unseen">Next match</span>
          </button>
        </>
      )}
    </search>
  )
}
