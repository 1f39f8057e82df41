const KEY = 'flamewatch-split'
const LEAST = 20
const MOST = 85

/** Percent of the height that the upper pane has; a habit of the reader, not part of a link. */
export function readSplit(): number {
  try {
    const stored = Number(localStorage.getItem(KEY))
    return stored >= LEAST && stored <= MOST ? stored : 60
  } catch {
    return 60
  }
}

function keepSplit(percent: number): number {
  const kept = Math.round(Math.min(MOST, Math.max(LEAST, percent)))
  try {
    localStorage.setItem(KEY, String(kept))
  } catch {
    // Without storage it holds until the page is left.
  }
  return kept
}

/** The edge between two panes: drag it, or move it with the arrow keys. */
export function Divider(props: {
  percent: number
  panes: { readonly current: HTMLElement | null }
  onMove: (percent: number) => void
}) {
  const { percent, onMove } = props
  return (
    // biome-ignore lint/a11y/useSemanticElements: a thematic break cannot be moved
    <div
      class="divider"
      role="separator"
      tabIndex={0}
      aria-orientation="horizontal"
      aria-label="Height of the graph"
      aria-valuemin={LEAST}
      aria-valuemax={MOST}
      aria-valuenow={percent}
      onKeyDown={(event) => {
        if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return
        event.preventDefault()
        onMove(keepSplit(percent + (event.key === 'ArrowUp' ? -5 : 5)))
      }}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => {
        const box = props.panes.current?.getBoundingClientRect()
        if (event.buttons === 1 && box)
          onMove(keepSplit((100 * (event.clientY - box.top)) / box.height))
      }}
    />
  )
}
