import type { Call, CallChanges, Change } from './call-changes.ts'
import { rise } from './call-changes.ts'

// One slower function makes everything above it slower too. Flagged functions are gathered under the
// one that explains them: down to where the cost arose, and up again where a caller simply calls all
// it calls more often.

export type Flagged = {
  readonly fn: number
  /** By what: a function can be flagged by its own cost alone. */
  readonly byCum: boolean
  readonly byFlat: boolean
}

export type Group = {
  readonly culprit: number
  /** Flagged functions it explains, itself among them if it is flagged. */
  readonly members: readonly number[]
}

export function findCulprits(
  changes: CallChanges,
  flagged: readonly Flagged[],
  minAbs: number,
): Group[] {
  const flaggedFunctions = new Set(flagged.map(({ fn }) => fn))
  const search = new Search(changes, flaggedFunctions)
  const groups = new Map<number, number[]>()
  for (const { fn, byFlat } of flagged) {
    const ownOnly = byFlat && rise(changes.cum(fn)) < 0.5 * minAbs
    const culprits = ownOnly ? [fn] : search.culpritsOf(fn)
    for (const culprit of new Set(culprits)) {
      const members = groups.get(culprit) ?? []
      members.push(fn)
      groups.set(culprit, members)
    }
  }
  return foldNested(
    changes,
    Array.from(groups, ([culprit, members]) => ({ culprit, members })),
  )
}

const WHOLLY = 0.9

/** A culprit whose rise came beneath another one is a part of that one's. */
function foldNested(changes: CallChanges, groups: readonly Group[]): Group[] {
  const culprits = new Set(groups.map(({ culprit }) => culprit))
  const above = new Map<number, number>()
  for (const culprit of culprits) {
    const whole = rise(changes.cum(culprit))
    // Two that call each other are not both beneath the other.
    for (const [other, part] of changes.risesUnder(culprit, culprits))
      if (whole > 0 && part >= WHOLLY * whole && !above.has(other)) above.set(culprit, other)
  }
  const topOf = (culprit: number): number => {
    const other = above.get(culprit)
    return other === undefined ? culprit : topOf(other)
  }
  return groups
    .filter(({ culprit }) => topOf(culprit) === culprit)
    .map(({ culprit }) => ({
      culprit,
      members: [
        ...new Set(
          groups
            .filter((group) => topOf(group.culprit) === culprit)
            .flatMap((group) => group.members),
        ),
      ],
    }))
}

// Parts of a function's rise: to go down into one callee, to stop at the function itself, to split.
const MOST_IN_ONE_CALLEE = 0.7
const MOST_IN_ITSELF = 0.5
const WORTH_A_SPLIT = 0.15
// A caller explains a function if most of the function's rise came through it, and more rose in it.
const MOST_FROM_ONE_CALLER = 0.6
const MORE_THAN_THIS_CALLEE = 0.7

class Search {
  readonly #changes: CallChanges
  readonly #flagged: ReadonlySet<number>

  constructor(changes: CallChanges, flagged: ReadonlySet<number>) {
    this.#changes = changes
    this.#flagged = flagged
  }

  culpritsOf(fn: number): number[] {
    return this.#down(fn, new Set([fn])).map((culprit) => this.#up(culprit))
  }

  #down(fn: number, visited: Set<number>): number[] {
    const whole = rise(this.#changes.cum(fn))
    if (whole <= 0) return [fn]
    const open = this.#changes.callees(fn).filter(({ callee }) => !visited.has(callee))
    const best = open.reduce<{ call: Call; gain: number } | undefined>((most, call) => {
      const gain = Math.min(rise(call.change), rise(this.#changes.cum(call.callee)))
      return most === undefined || gain > most.gain ? { call, gain } : most
    }, undefined)
    if (best !== undefined && best.gain >= MOST_IN_ONE_CALLEE * whole)
      return this.#down(best.call.callee, visited.add(best.call.callee))
    if (rise(this.#changes.flat(fn)) >= MOST_IN_ITSELF * whole) return [fn]
    if (isEven(this.#changes, fn)) return [fn]
    const parts = open.filter(
      ({ callee, change }) => this.#flagged.has(callee) && rise(change) >= WORTH_A_SPLIT * whole,
    )
    if (parts.length < 2) return [fn]
    for (const { callee } of parts) visited.add(callee)
    return parts.flatMap(({ callee }) => this.#down(callee, visited))
  }

  #up(start: number): number {
    let fn = start
    const visited = new Set([fn])
    for (;;) {
      const caller = this.#explainingCaller(fn, visited)
      if (caller === undefined) return fn
      visited.add(caller)
      fn = caller
    }
  }

  #explainingCaller(fn: number, visited: ReadonlySet<number>): number | undefined {
    const whole = rise(this.#changes.cum(fn))
    const found = this.#changes.callers(fn).find(({ caller, change }) => {
      const through = rise(change)
      return (
        this.#flagged.has(caller) &&
        !visited.has(caller) &&
        !this.#changes.isRoot(caller) &&
        through >= MOST_FROM_ONE_CALLER * whole &&
        through < MORE_THAN_THIS_CALLEE * rise(this.#changes.cum(caller)) &&
        isEven(this.#changes, caller)
      )
    })
    return found?.caller
  }
}

const EVEN_PART = 0.6
const EVEN_RISE = 0.4

/** Whether most of what a function does rose about as much as the whole of it: it is called more. */
function isEven(changes: CallChanges, fn: number): boolean {
  const cum = changes.cum(fn)
  if (cum.baseline <= 0) return false
  const relative = rise(cum) / cum.baseline
  const parts: Change[] = [changes.flat(fn), ...changes.callees(fn).map(({ change }) => change)]
  const base = parts.reduce((sum, { baseline }) => sum + baseline, 0)
  const rose = parts
    .filter((part) => part.baseline > 0 && rise(part) / part.baseline >= EVEN_RISE * relative)
    .reduce((sum, { baseline }) => sum + baseline, 0)
  return base > 0 && rose >= EVEN_PART * base
}
