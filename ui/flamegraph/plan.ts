import { lastAtOrBefore } from './hit.ts'
import type { Layout } from './layout.ts'
import type { Tree } from './tree.ts'

// What is worth drawing of a tree: frames at least half a pixel wide inside the view. Neighbours too
// narrow to be told apart become one run, so that the number of boxes is bounded by the pixels of
// the screen and not by the nodes of the tree.

export type View = {
  /** Visible part of value space. */
  readonly x0: number
  readonly x1: number
  /** CSS pixels. */
  readonly width: number
  /** First and last visible level. */
  readonly firstLevel: number
  readonly lastLevel: number
}

export const MIN_PX = 0.5
// Narrower boxes show no colour of their own and are merged with touching neighbours.
export const RUN_PX = 2

/** Boxes and runs in the order of levels, each level from left to right. x and w in CSS pixels. */
export type Plan = {
  boxes: number
  node: Int32Array
  x: Float32Array
  w: Float32Array
  level: Int32Array
  runs: number
  runFirst: Int32Array
  runLast: Int32Array
  runX: Float32Array
  runW: Float32Array
  runLevel: Int32Array
  /** Nodes of one level whose children are looked at next; two arrays take turns. */
  parents: Int32Array
  found: Int32Array
}

export function createPlan(): Plan {
  const size = 4096
  return {
    boxes: 0,
    node: new Int32Array(size),
    x: new Float32Array(size),
    w: new Float32Array(size),
    level: new Int32Array(size),
    runs: 0,
    runFirst: new Int32Array(size),
    runLast: new Int32Array(size),
    runX: new Float32Array(size),
    runW: new Float32Array(size),
    runLevel: new Int32Array(size),
    parents: new Int32Array(size),
    found: new Int32Array(size),
  }
}

/**
 * Fills `plan`. Goes level by level: the nodes of a level wide enough to matter are disjoint, so the
 * frontier holds at most two per pixel, and depth costs nothing.
 */
export function planView(tree: Tree, layout: Layout, view: View, plan: Plan): void {
  plan.boxes = 0
  plan.runs = 0
  if (tree.nodes === 0 || !(layout.total > 0) || !(view.x1 > view.x0)) return
  const scale = view.width / (view.x1 - view.x0)
  const minV = MIN_PX / scale
  const { firstChild, childCount } = tree
  const { start, w, widestLeft } = layout

  let open = -1
  let openEnd = 0

  const closeRun = (): void => {
    open = -1
  }
  const addRun = (level: number, first: number, last: number, from: number, to: number): void => {
    const left = Math.max(0, (from - view.x0) * scale)
    const right = Math.min(view.width, (to - view.x0) * scale)
    if (
      open >= 0 &&
      plan.runLevel[open] === level &&
      left - openEnd < MIN_PX &&
      right - (plan.runX[open] as number) <= RUN_PX
    ) {
      plan.runLast[open] = last
      plan.runW[open] = right - (plan.runX[open] as number)
      openEnd = right
      return
    }
    if (right - left < MIN_PX / 2) return
    if (plan.runs === plan.runFirst.length) growRuns(plan)
    open = plan.runs++
    plan.runFirst[open] = first
    plan.runLast[open] = last
    plan.runX[open] = left
    plan.runW[open] = right - left
    plan.runLevel[open] = level
    openEnd = right
  }
  const addNode = (level: number, node: number): void => {
    const from = start[node] as number
    const to = from + (w[node] as number)
    if ((w[node] as number) * scale < RUN_PX) {
      addRun(level, node, node, from, to)
      return
    }
    if (plan.boxes === plan.node.length) growBoxes(plan)
    const left = Math.max(0, (from - view.x0) * scale)
    const at = plan.boxes++
    plan.node[at] = node
    plan.x[at] = left
    plan.w[at] = Math.min(view.width, (to - view.x0) * scale) - left
    plan.level[at] = level
    closeRun()
  }

  let parentCount = 1
  plan.parents[0] = 0
  if (view.firstLevel <= 0) addNode(0, 0)
  for (let level = 1; level <= view.lastLevel && parentCount > 0; level++) {
    const shown = level >= view.firstLevel
    let foundCount = 0
    closeRun()
    for (let p = 0; p < parentCount; p++) {
      const parent = plan.parents[p] as number
      const begin = firstChild[parent] as number
      const end = begin + (childCount[parent] as number)
      if (begin === end) continue
      let child = begin
      // A node may have 100,000 children of which the view shows the last ten.
      if ((start[begin] as number) < view.x0)
        child = Math.max(begin, lastAtOrBefore(start, begin, end, view.x0))
      for (; child < end; child++) {
        const from = start[child] as number
        if (from >= view.x1) break
        const width = w[child] as number
        if (width >= minV) {
          if (from + width <= view.x0) continue
          if (foundCount === plan.found.length) plan.found = grow(plan.found)
          plan.found[foundCount++] = child
          if (shown) addNode(level, child)
          continue
        }
        const widest = widestLeft ? (widestLeft[child] as number) : width
        if (widest >= minV) {
          if (shown && width > 0) addRun(level, child, child, from, from + width)
          continue
        }
        if (shown) {
          const last = lastAtOrBefore(start, child, end, view.x1)
          addRun(level, child, last, from, (start[last] as number) + (w[last] as number))
        }
        break
      }
    }
    const spare = plan.parents
    plan.parents = plan.found
    plan.found = spare
    parentCount = foundCount
  }
}

function growBoxes(plan: Plan): void {
  plan.node = grow(plan.node)
  plan.level = grow(plan.level)
  plan.x = growFloat(plan.x)
  plan.w = growFloat(plan.w)
}

function growRuns(plan: Plan): void {
  plan.runFirst = grow(plan.runFirst)
  plan.runLast = grow(plan.runLast)
  plan.runLevel = grow(plan.runLevel)
  plan.runX = growFloat(plan.runX)
  plan.runW = growFloat(plan.runW)
}

function grow(array: Int32Array): Int32Array {
  const larger = new Int32Array(array.length * 2)
  larger.set(array)
  return larger
}

function growFloat(array: Float32Array): Float32Array {
  const larger = new Float32Array(array.length * 2)
  larger.set(array)
  return larger
}

/** The run under a pixel of a level, or -1. Runs are few beside pixels; the search is linear. */
export function findRun(plan: Plan, level: number, x: number): number {
  for (let i = 0; i < plan.runs; i++) {
    const left = plan.runX[i] as number
    if (plan.runLevel[i] === level && x >= left && x < left + Math.max(1, plan.runW[i] as number))
      return i
  }
  return -1
}
