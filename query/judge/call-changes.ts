// What both sides of a comparison spend by function and by call, from whole stacks. Shares of each
// side's total, so that sides of different length compare.

export type Change = { readonly baseline: number; readonly candidate: number }

type Sum = { baseline: number; candidate: number }

export type StackShares = Change & {
  /** Function numbers, root first. */
  readonly frames: readonly number[]
}

export type Call = { readonly caller: number; readonly callee: number; readonly change: Change }

export const rise = ({ baseline, candidate }: Change): number => candidate - baseline

// So that a pair of them is one exact number.
const MOST_FUNCTIONS = 2 ** 26

const NOTHING: Change = { baseline: 0, candidate: 0 }

/** A function and a call count once per stack, however often they recur in it. */
export class CallChanges {
  readonly #flat = new Map<number, Sum>()
  readonly #cum = new Map<number, Sum>()
  readonly #callees = new Map<number, Map<number, Sum>>()
  readonly #callers = new Map<number, Map<number, Sum>>()
  readonly #stacks: readonly StackShares[]

  constructor(stacks: readonly StackShares[]) {
    this.#stacks = stacks
    for (const stack of stacks) this.#add(stack)
  }

  #add(stack: StackShares): void {
    const { frames } = stack
    const leaf = frames.at(-1)
    if (leaf === undefined) return
    grow(this.#flat, leaf, stack)
    for (const fn of new Set(frames)) grow(this.#cum, fn, stack)
    const seen = new Set<number>()
    for (let i = 1; i < frames.length; i++) {
      const caller = frames[i - 1] as number
      const callee = frames[i] as number
      const call = caller * MOST_FUNCTIONS + callee
      if (caller === callee || seen.has(call)) continue
      seen.add(call)
      grow(within(this.#callees, caller), callee, stack)
      grow(within(this.#callers, callee), caller, stack)
    }
  }

  flat(fn: number): Change {
    return this.#flat.get(fn) ?? NOTHING
  }

  cum(fn: number): Change {
    return this.#cum.get(fn) ?? NOTHING
  }

  get functions(): Iterable<number> {
    return this.#cum.keys()
  }

  callees(fn: number): Call[] {
    const calls = this.#callees.get(fn) ?? new Map<number, Change>()
    return Array.from(calls, ([callee, change]) => ({ caller: fn, callee, change }))
  }

  callers(fn: number): Call[] {
    const calls = this.#callers.get(fn) ?? new Map<number, Change>()
    return Array.from(calls, ([caller, change]) => ({ caller, callee: fn, change }))
  }

  /** Whether nothing calls it: the start of a thread, the whole. */
  isRoot(fn: number): boolean {
    return !this.#callers.has(fn)
  }

  /** How much of the rise of `fn` came in stacks with each of `others` above it. */
  risesUnder(fn: number, others: ReadonlySet<number>): Map<number, number> {
    const rises = new Map<number, number>()
    for (const stack of this.#stacks) {
      const at = stack.frames.indexOf(fn)
      if (at < 0) continue
      for (const above of new Set(stack.frames.slice(0, at)))
        if (others.has(above)) rises.set(above, (rises.get(above) ?? 0) + rise(stack))
    }
    return rises
  }

  /** The way from the root to `fn` on which most was gained, `fn` last. */
  pathOf(fn: number): number[] {
    const paths = new Map<string, { readonly frames: readonly number[]; gain: number }>()
    for (const stack of this.#stacks) {
      const at = stack.frames.indexOf(fn)
      if (at < 0) continue
      const frames = stack.frames.slice(0, at + 1)
      const path = paths.get(frames.join(' ')) ?? { frames, gain: 0 }
      path.gain += rise(stack)
      paths.set(frames.join(' '), path)
    }
    const best = [...paths.values()].reduce<
      { frames: readonly number[]; gain: number } | undefined
    >((most, path) => (most === undefined || path.gain > most.gain ? path : most), undefined)
    return [...(best?.frames ?? [fn])]
  }
}

function grow(sums: Map<number, Sum>, key: number, by: Change): void {
  const sum = sums.get(key)
  if (sum === undefined) sums.set(key, { baseline: by.baseline, candidate: by.candidate })
  else {
    sum.baseline += by.baseline
    sum.candidate += by.candidate
  }
}

function within(calls: Map<number, Map<number, Sum>>, key: number): Map<number, Sum> {
  let inner = calls.get(key)
  if (inner === undefined) {
    inner = new Map()
    calls.set(key, inner)
  }
  return inner
}
