import { needsOnlyColumns } from '../selector-sql.ts'
import type { Scope, Seconds } from './scope.ts'
import { secondsOf } from './scope.ts'

export const BUCKET_SECONDS = 600

export type Part = { readonly table: 'profiles' | 'stack_10m'; readonly seconds: Seconds }

/**
 * Where the stacks of a scope are read: whole ten-minute buckets from the rollup, which knows no
 * hosts, and the ragged ends from profiles; all from profiles where another label is asked for.
 */
export function planParts(scope: Scope): Part[] {
  const seconds = secondsOf(scope.range)
  const from = Math.ceil(seconds.from / BUCKET_SECONDS) * BUCKET_SECONDS
  const to = Math.floor(seconds.to / BUCKET_SECONDS) * BUCKET_SECONDS
  if (!needsOnlyColumns(scope.selector) || from >= to) return [{ table: 'profiles', seconds }]
  const parts: Part[] = [
    { table: 'profiles', seconds: { from: seconds.from, to: from } },
    { table: 'stack_10m', seconds: { from, to } },
    { table: 'profiles', seconds: { from: to, to: seconds.to } },
  ]
  return parts.filter((part) => part.seconds.from < part.seconds.to)
}

/** The tables of a plan, for the answer's `source`. */
export function nameSource(parts: readonly Part[]): string {
  return [...new Set(parts.map((part) => part.table))].sort().join('+')
}
