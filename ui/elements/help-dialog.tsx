import { useEffect, useRef, useState } from 'preact/hooks'
import { keysOn, setKeysOn } from '../keys.ts'
import { Icon } from './icon.tsx'

const KEYS = [
  ['/', 'search'],
  ['n  N', 'next, previous match'],
  ['← → ↑ ↓', 'siblings, caller, callee'],
  ['Enter', 'zoom to the frame'],
  ['Esc', 'zoom out, then clear the search'],
  ['s', 'sandwich: callers and callees of the frame'],
  ['d', 'A, difference, B in turn'],
  ['r', 'fold recursion'],
  ['[  ]', 'older, newer deploy'],
  ['+  −  0', 'zoom in, out, whole'],
  ['?', 'this help'],
] as const

/** Keys, mouse and how to read the colours. */
export function HelpDialog({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [on, setOn] = useState(keysOn)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={onClose}>
      <header>
        <h2 id="help-title">Keys and reading help</h2>
        <button
          type="button"
          class="button is-icon"
          title="Close"
          onClick={() => dialog.current?.close()}
        >
          <Icon name="close" />
          <span class="unseen">Close</span>
        </button>
      </header>
      <div class="help-columns">
        <section>
          <h3>Keys</h3>
          <dl class="keys">
            {KEYS.map(([keys, meaning]) => (
              <div key={keys}>
                <dt>
                  {keys.split('  ').map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dt>
                <dd>{meaning}</dd>
              </div>
            ))}
          </dl>
          <label class="check">
            <input
              type="checkbox"
              checked={on}
              onChange={(event) => {
                setKeysOn(event.currentTarget.checked)
                setOn(event.currentTarget.checked)
              }}
            />
            Single-letter keys act
          </label>
        </section>
        <section>
          <h3>Mouse</h3>
          <p>
            Click a frame to zoom to it, drag to move, <kbd>Ctrl</kbd> and wheel to zoom,{' '}
            <kbd>Shift</kbd> and wheel to move sideways.
          </p>
          <h3>Reading</h3>
          <p>
            A frame is as wide as the share of samples it was running in, by itself or through what
            it called. In a comparison it is as wide as both sides together, so that what is new and
            what is gone both stay visible.
          </p>
          <p>
            Colour says how much a frame changed, in proportion to itself, and only as far as there
            is evidence, which the line above the graph explains: grey is no clear change. Shares
            always refer to the whole profile, also when you zoom.
          </p>
        </section>
      </div>
    </dialog>
  )
}
