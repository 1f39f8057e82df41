import { useMemo } from 'preact/hooks'
import { findFunction } from '../flamegraph/functions.ts'
import type { Layout } from '../flamegraph/layout.ts'
import { collectMatches, type Matches, matchFunctions, parseSearch } from '../flamegraph/search.ts'
import type { Tree } from '../flamegraph/tree.ts'

export type Marks = {
  readonly marks: Uint8Array | null
  readonly matches: Matches | null
  /** The search text is a pattern that is none. */
  readonly bad: boolean
}

/** Functions to keep bright: those a search finds, else the one a link names. */
export function useMarks(tree: Tree, layout: Layout, search: string, fn: string | null): Marks {
  const marks = useMemo(() => {
    if (search !== '') {
      const matcher = parseSearch(search)
      return matcher ? matchFunctions(tree, matcher) : null
    }
    const index = fn === null ? -1 : findFunction(tree.functions, fn)
    if (index < 0) return null
    const one = new Uint8Array(tree.functions.count)
    one[index] = 1
    return one
  }, [tree, search, fn])
  const matches = useMemo(
    () => (marks ? collectMatches(tree, layout, marks) : null),
    [tree, layout, marks],
  )
  return { marks, matches, bad: search !== '' && marks === null }
}
