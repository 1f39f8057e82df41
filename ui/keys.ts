// Single-letter keys act on the page and in the graph, never while something is being typed, and can
// be turned off (WCAG 2.1.4).

const KEY = 'flamewatch-keys'

export function keysOn(): boolean {
  try {
    return localStorage.getItem(KEY) !== 'off'
  } catch {
    return true
  }
}

export function setKeysOn(on: boolean): void {
  try {
    if (on) localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, 'off')
  } catch {
    // Without storage the keys stay on.
  }
}

/** The key a keydown stands for, or null where it belongs to a field, a dialog or the browser. */
export function keyOf(event: KeyboardEvent): string | null {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return null
  const target = event.target
  if (target instanceof Element && target.closest('input, select, textarea, dialog, [popover]'))
    return null
  if (event.key.length === 1 && !keysOn()) return null
  return event.key
}
