import type { Layout } from './layout.ts'
import type { Tree } from './tree.ts'

export type Matcher = (name: string) => boolean

/**
 * A search text: plain text matches anywhere, without regard to case; `/pattern/` is a regular
 * expression. Null when the pattern is none.
 */
export function parseSearch(text: string): Matcher | null {
  const pattern = /^\/(.+)\/(i?)$/.exec(text)
  if (pattern) {
    try {
      const regexp = new RegExp(pattern[1] as string, pattern[2])
      return (name) => regexp.test(name)
    } catch {
      return null
    }
  }
  const needle = text.toLowerCase()
  return (name) => name.toLowerCase().includes(needle)
}

/** 1 per function that matches: each distinct name is tested once, however many nodes have it. */
export function matchFunctions(tree: Tree, matcher: Matcher): Uint8Array {
  const marks = new Uint8Array(tree.functions.count)
  for (let f = 0; f < marks.length; f++) if (matcher(tree.functions.name(f))) marks[f] = 1
  return marks
}

export type Matches = {
  /** Outermost matching nodes, widest first: what `n` and `N` walk through. */
  readonly nodes: readonly number[]
  /** Frames that match, nested ones too. */
  readonly count: number
  /** Share of the whole that runs inside a match, counted once per stack. */
  readonly share: number
}

const MOST_STOPS = 1000

export function collectMatches(tree: Tree, layout: Layout, marks: Uint8Array): Matches {
  // 1: an ancestor matches, so the weight is counted already.
  const inside = new Uint8Array(tree.nodes)
  const outermost: number[] = []
  let count = 0
  let weight = 0
  for (let i = 0; i < tree.nodes; i++) {
    const match = marks[tree.fn[i] as number] === 1
    const below = i > 0 && inside[tree.parent[i] as number] === 1
    if (match && i > 0) {
      count++
      if (!below) {
        weight += layout.w[i] as number
        if ((layout.w[i] as number) > 0) outermost.push(i)
      }
    }
    if (below || (match && i > 0)) inside[i] = 1
  }
  outermost.sort((a, b) => (layout.w[b] as number) - (layout.w[a] as number) || a - b)
  return {
    nodes: outermost.slice(0, MOST_STOPS),
    count,
    share: layout.total > 0 ? Math.min(1, weight / layout.total) : 0,
  }
}
