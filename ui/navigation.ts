import { useEffect, useState } from 'preact/hooks'
import { formatUrl, parseUrl, type UrlState } from './url-state.ts'

// The address is the store. A decision of the user pushes an entry, what settles after a drag
// replaces the current one.

const listeners = new Set<() => void>()

export function currentState(): UrlState {
  return parseUrl(location.pathname, location.search)
}

function navigate(state: UrlState, how: 'push' | 'replace' = 'push'): void {
  const url = formatUrl(state)
  if (url === location.pathname + location.search) return
  if (how === 'push') history.pushState(null, '', url)
  else history.replaceState(null, '', url)
  for (const listener of listeners) listener()
}

/** Changes some keys of the current address. */
export function change(part: Partial<UrlState>, how: 'push' | 'replace' = 'push'): void {
  navigate({ ...currentState(), ...part }, how)
}

export function useUrl(): UrlState {
  const [state, setState] = useState(currentState)
  useEffect(() => {
    const read = (): void => setState(currentState())
    listeners.add(read)
    window.addEventListener('popstate', read)
    return () => {
      listeners.delete(read)
      window.removeEventListener('popstate', read)
    }
  }, [])
  return state
}

/** Plain clicks on links within the page change the address without loading it anew. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  const link = event.target instanceof Element ? event.target.closest('a') : null
  if (link?.target !== '' || link.hasAttribute('download')) return
  if (link.origin !== location.origin || !/^\/(s\/|$)/.test(link.pathname)) return
  event.preventDefault()
  const before = location.pathname
  navigate(parseUrl(link.pathname, link.search))
  if (location.pathname !== before) window.scrollTo(0, 0)
}
