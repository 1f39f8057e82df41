import type { CallChanges } from './call-changes.ts'
import { rise } from './call-changes.ts'

/** Cost that only changed its name or its place. */
export type Shift = {
  readonly kind: 'rename' | 'wrapper' | 'moved'
  /** The function that had the cost before, or within which it moved; absent for a wrapper. */
  readonly from?: number
}

// A function that has less than this part of the other side's cost is new, or gone.
const AS_GOOD_AS_NOTHING = 0.05
const SAME_COST = 0.25
const OWN_COST_OF_A_WRAPPER = 0.1
const STEPS_UP = 6
// A domain that holds this much of the service is no explanation of anything.
const TOO_WIDE = 0.6
const ENOUGH_FELL = 0.5

/**
 * Whether a culprit's rise is explained by a fall beside it. `halfWidth`: of the 95 % interval of a
 * function's `cum`, in shares; infinite where it was not tested. Equivalence is what is shown: that
 * nothing significant happened to the domain would prove nothing.
 */
export function findShift(
  changes: CallChanges,
  fn: number,
  halfWidth: (fn: number) => number,
): Shift | undefined {
  return findRename(changes, fn) ?? findWrapper(changes, fn) ?? findMove(changes, fn, halfWidth)
}

function isNew(changes: CallChanges, fn: number): boolean {
  const { baseline, candidate } = changes.cum(fn)
  return baseline <= AS_GOOD_AS_NOTHING * candidate
}

function findRename(changes: CallChanges, fn: number): Shift | undefined {
  if (!isNew(changes, fn)) return undefined
  const cost = changes.cum(fn).candidate
  let best: { readonly from: number; readonly gap: number } | undefined
  for (const other of changes.functions) {
    const { baseline, candidate } = changes.cum(other)
    const gap = Math.abs(baseline - cost)
    const gone = baseline > 0 && candidate <= AS_GOOD_AS_NOTHING * baseline
    if (gone && gap <= SAME_COST * cost && (best === undefined || gap < best.gap))
      best = { from: other, gap }
  }
  return best && { kind: 'rename', from: best.from }
}

function findWrapper(changes: CallChanges, fn: number): Shift | undefined {
  if (!isNew(changes, fn)) return undefined
  const { candidate } = changes.cum(fn)
  if (changes.flat(fn).candidate > OWN_COST_OF_A_WRAPPER * candidate) return undefined
  const below = changes.callees(fn).reduce((sum, { callee }) => sum + rise(changes.cum(callee)), 0)
  return Math.abs(below) <= SAME_COST * largestRise(changes, fn) ? { kind: 'wrapper' } : undefined
}

function findMove(
  changes: CallChanges,
  fn: number,
  halfWidth: (fn: number) => number,
): Shift | undefined {
  const moved = largestRise(changes, fn)
  let domain = fn
  for (let step = 0; step <= STEPS_UP; step++) {
    const half = halfWidth(domain)
    const cum = changes.cum(domain)
    const unchanged = half < 0.5 * moved && rise(cum) + half < 0.5 * moved
    const fell = fallsInside(changes, domain) >= ENOUGH_FELL * moved
    const inside = domain !== fn || rise(changes.flat(fn)) > 0
    if (cum.baseline < TOO_WIDE && unchanged && fell && inside)
      return { kind: 'moved', from: domain }
    const above = heaviestCaller(changes, domain)
    if (above === undefined || changes.isRoot(above)) return undefined
    domain = above
  }
  return undefined
}

function largestRise(changes: CallChanges, fn: number): number {
  return Math.max(rise(changes.cum(fn)), rise(changes.flat(fn)))
}

function fallsInside(changes: CallChanges, fn: number): number {
  const parts = [changes.flat(fn), ...changes.callees(fn).map(({ change }) => change)]
  return parts.reduce((sum, part) => sum + Math.max(0, -rise(part)), 0)
}

function heaviestCaller(changes: CallChanges, fn: number): number | undefined {
  const calls = changes.callers(fn)
  const heaviest = calls.reduce<(typeof calls)[number] | undefined>(
    (most, call) =>
      most === undefined || call.change.candidate > most.change.candidate ? call : most,
    undefined,
  )
  return heaviest?.caller
}
