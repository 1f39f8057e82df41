import { PLACEHOLDER_MODULE } from '../../infra/contract/profile.ts'
import type { StackShares } from '../judge/call-changes.ts'
import { CallChanges } from '../judge/call-changes.ts'
import type { Group } from '../judge/culprits.ts'
import { findCulprits } from '../judge/culprits.ts'
import type { Judged } from '../judge/decide.ts'
import { halfWidth } from '../judge/estimate.ts'
import type { Shift } from '../judge/shifts.ts'
import { findShift } from '../judge/shifts.ts'
import type { SummedTree } from '../tree/call-tree.ts'
import { idOf } from '../tree/functions.ts'
import type { Sums } from '../tree/sums.ts'
import type { TestKey } from './measured.ts'

/** A change with its cause: numbers of functions of the tree. */
export type Explained = Group & {
  /** Root to culprit, where most was gained. */
  readonly path: readonly number[]
  readonly shift: Shift | undefined
}

/**
 * Gathers what rose significantly under what explains it, or what fell; the largest change first.
 * Placeholder frames stand for what is not known, so nothing is blamed on them.
 */
export function explain(
  tree: SummedTree,
  judged: readonly Judged<TestKey>[],
  options: {
    readonly status: 'regression' | 'improvement'
    /** Of the candidate's whole, as its tests were scaled. */
    readonly scale: number
    readonly minAbs: number
  },
): Explained[] {
  const { status, scale, minAbs } = options
  const numbers = numbersOf(tree)
  const [baseline, candidate] = sharesOf(tree, scale)
  // What fell, rose the other way round.
  const changes = new CallChanges(
    status === 'regression'
      ? joinShares(tree, baseline, candidate)
      : joinShares(tree, candidate, baseline),
  )
  const rose = judged.filter((one) => one.status === status)
  const flagged = new Map<number, { fn: number; byCum: boolean; byFlat: boolean }>()
  for (const { key } of rose) {
    const fn = numbers.get(key.function)
    if (fn === undefined || tree.functions.modules[fn] === PLACEHOLDER_MODULE) continue
    const known = flagged.get(fn) ?? { fn, byCum: false, byFlat: false }
    flagged.set(fn, {
      fn,
      byCum: known.byCum || key.metric === 'cum',
      byFlat: known.byFlat || key.metric === 'flat',
    })
  }
  const halves = new Map(
    judged
      .filter(({ key }) => key.metric === 'cum')
      .map(({ key, estimate }) => [numbers.get(key.function), halfWidth(estimate)]),
  )
  const gain = (fn: number) => {
    const { baseline, candidate } = changes.cum(fn)
    return candidate - baseline
  }
  return findCulprits(changes, [...flagged.values()], minAbs)
    .map((group) => ({
      ...group,
      path: changes.pathOf(group.culprit),
      shift: findShift(changes, group.culprit, (fn) => halves.get(fn) ?? Number.POSITIVE_INFINITY),
    }))
    .sort((a, b) => gain(b.culprit) - gain(a.culprit) || a.culprit - b.culprit)
}

function numbersOf({ functions }: SummedTree): Map<bigint, number> {
  const numbers = new Map<bigint, number>()
  for (let fn = 0; fn < functions.count; fn++) numbers.set(idOf(functions, fn), fn)
  return numbers
}

/** By node, the share that ends there of each side. */
function sharesOf({ flat, cum }: SummedTree, scale: number): [Float64Array, Float64Array] {
  const side = (at: 0 | 1, by: number) => {
    const whole = (cum[at] as Sums).approximate(0) * by
    return (flat[at] as Sums).doubles().map((value) => (whole > 0 ? value / whole : 0))
  }
  return [side(0, 1), side(1, scale)]
}

function joinShares({ trie }: SummedTree, from: Float64Array, to: Float64Array): StackShares[] {
  const stacks: StackShares[] = []
  for (let node = 1; node < trie.nodes; node++) {
    const [baseline, candidate] = [from[node] as number, to[node] as number]
    if (baseline === 0 && candidate === 0) continue
    const frames: number[] = []
    for (let at = node; at !== 0; at = trie.parent[at] as number) frames.push(trie.fn[at] as number)
    stacks.push({ frames: frames.reverse(), baseline, candidate })
  }
  return stacks
}
