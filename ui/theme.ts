import { useEffect, useState } from 'preact/hooks'
import type { Theme } from './flamegraph/palette.ts'

// Follows the system unless the reader chose; the choice is a habit of the reader, not part of a link.

export type ThemeChoice = Theme | 'system'

const KEY = 'flamewatch-theme'
const dark = matchMedia('(prefers-color-scheme: dark)')
const listeners = new Set<() => void>()

export function readChoice(): ThemeChoice {
  try {
    const stored = localStorage.getItem(KEY)
    return stored === 'light' || stored === 'dark' ? stored : 'system'
  } catch {
    // Storage may be forbidden; the system's theme then holds.
    return 'system'
  }
}

function resolveTheme(): Theme {
  const choice = readChoice()
  if (choice !== 'system') return choice
  return dark.matches ? 'dark' : 'light'
}

function applyTheme(): void {
  document.documentElement.dataset['theme'] = resolveTheme()
  for (const listener of listeners) listener()
}

export function chooseTheme(choice: ThemeChoice): void {
  try {
    if (choice === 'system') localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, choice)
  } catch {
    // Nothing to remember it by: it holds until the page is left.
  }
  applyTheme()
}

export function watchTheme(): void {
  dark.addEventListener('change', applyTheme)
  applyTheme()
}

export function useTheme(): Theme {
  const [theme, setTheme] = useState(resolveTheme)
  useEffect(() => {
    const read = (): void => setTheme(resolveTheme())
    listeners.add(read)
    return () => {
      listeners.delete(read)
    }
  }, [])
  return theme
}
