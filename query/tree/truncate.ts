import type { SummedTree } from './call-tree.ts'
import { findUsed } from './call-tree.ts'
import { Sums } from './sums.ts'
import type { TrieColumns } from './trie.ts'

/** Which frames of a tree are shown, and what stands for the others. */
export type Cut = {
  /** 1 for nodes that are kept. Their ancestors are too. */
  readonly keep: Uint8Array
  /** Kept nodes. */
  readonly kept: number
  /** Null where nothing was cut. */
  readonly residuals: Residuals | null
}

type Residuals = {
  /** By kept node: how many frames were cut below it, at any depth; 0 = it has no residual. */
  readonly frames: Uint32Array
  /** By kept node and side: the weight of what was cut below it. */
  readonly weight: readonly Sums[]
  /** Nodes that have a residual. */
  readonly count: number
  readonly totalFrames: number
  /** Largest share of a side's total that a cut frame had. */
  readonly belowShare: number
}

/**
 * Keeps the frames with the largest share of either side, so that kept frames and residuals
 * together are at most `maxNodes` (and no less than half of it, save for ties). Frames without value
 * go uncounted. Sorting a million shares costs 90 ms, so they fall into buckets 3 % wide instead.
 */
export function cutSmall(tree: SummedTree, maxNodes: number): Cut {
  const { trie, cum } = tree
  const used = findUsed(tree)
  // The whole is always shown.
  used[0] = 1
  const count = sum(used)
  if (count <= maxNodes) return { keep: used, kept: count, residuals: null }
  const bucket = bucketShares(trie, cum)
  const threshold = findThreshold(trie, bucket, Math.max(1, maxNodes))
  const keep = new Uint8Array(trie.nodes)
  for (let node = 0; node < trie.nodes; node++) {
    if (node === 0 || (bucket[node] as number) >= threshold) keep[node] = 1
  }
  const frames = countCut(trie, bucket, keep)
  const residuals = sumCut(trie, cum, frames, (node) => bucket[node] !== 0 && keep[node] === 0)
  return { keep, kept: sum(keep), residuals }
}

function sum(flags: Uint8Array): number {
  let count = 0
  for (let i = 0; i < flags.length; i++) count += flags[i] as number
  return count
}

/** Larger of both sides' shares. Beyond 1 only where profiles hold negative values. */
function shareOf(cum: readonly Sums[], node: number): number {
  let share = 0
  for (const sums of cum) {
    const value = Math.abs(sums.approximate(node))
    if (value !== 0) share = Math.max(share, value / (Math.abs(sums.approximate(0)) || value))
  }
  return share
}

// Sign, exponent and five bits of the mantissa of a double: 32 buckets an octave, in order. 0 = no
// value. A share of 1 falls into 0x7fe0.
const BUCKETS = 0x8000

function bucketShares({ nodes, parent }: TrieColumns, cum: readonly Sums[]): Uint16Array {
  const bucket = new Uint16Array(nodes)
  const double = new Float64Array(1)
  const words = new Uint32Array(double.buffer)
  for (let node = nodes - 1; node >= 0; node--) {
    double[0] = shareOf(cum, node)
    if (double[0] > 0) {
      const own = Math.min(BUCKETS - 1, Math.max(1, (words[1] as number) >>> 15))
      bucket[node] = Math.max(own, bucket[node] as number)
    }
    // An ancestor has no smaller share anyway, save where negative values cancel out.
    const above = parent[node] as number
    bucket[above] = Math.max(bucket[above] as number, bucket[node] as number)
  }
  return bucket
}

function findThreshold(trie: TrieColumns, bucket: Uint16Array, maxNodes: number): number {
  const frames = new Int32Array(BUCKETS + 1)
  const smallestChild = new Uint16Array(trie.nodes).fill(0xffff)
  for (let node = trie.nodes - 1; node >= 0; node--) {
    const own = bucket[node] as number
    if (own === 0) continue
    frames[own] = (frames[own] as number) + 1
    if (node === 0) break
    const parent = trie.parent[node] as number
    if (own < (smallestChild[parent] as number)) smallestChild[parent] = own
  }
  // With threshold t a node has a residual if smallestChild < t <= its own bucket.
  const residuals = new Int32Array(BUCKETS + 2)
  for (let node = 0; node < trie.nodes; node++) {
    const own = bucket[node] as number
    const smallest = smallestChild[node] as number
    if (own === 0 || smallest >= own) continue
    residuals[smallest + 1] = (residuals[smallest + 1] as number) + 1
    residuals[own + 1] = (residuals[own + 1] as number) - 1
  }
  for (let t = 1; t <= BUCKETS; t++)
    residuals[t] = (residuals[t] as number) + (residuals[t - 1] as number)
  let kept = 0
  let best = BUCKETS
  for (let t = BUCKETS - 1; t >= 1; t--) {
    kept += frames[t] as number
    if (kept > maxNodes) break
    if (frames[t] !== 0 && kept + (residuals[t] as number) <= maxNodes) best = t
  }
  return best
}

// By node, how many frames below it are cut. A frame that would be the only one is kept after all: it
// takes the same room as its residual.
function countCut(trie: TrieColumns, bucket: Uint16Array, keep: Uint8Array): Uint32Array {
  const frames = new Uint32Array(trie.nodes)
  const lastCut = new Uint32Array(trie.nodes)
  for (let node = trie.nodes - 1; node > 0; node--) {
    if (bucket[node] === 0 || keep[node] === 1) continue
    const parent = trie.parent[node] as number
    frames[parent] = (frames[parent] as number) + 1 + (frames[node] as number)
    lastCut[parent] = node
  }
  for (let node = 0; node < trie.nodes; node++) {
    if (keep[node] === 0 || frames[node] !== 1) continue
    frames[node] = 0
    keep[lastCut[node] as number] = 1
  }
  return frames
}

function sumCut(
  trie: TrieColumns,
  cum: readonly Sums[],
  frames: Uint32Array,
  isCut: (node: number) => boolean,
): Residuals | null {
  const weight = cum.map((sums) => new Sums(trie.nodes, sums.wide))
  let totalFrames = 0
  let belowShare = 0
  let count = 0
  for (let node = 0; node < trie.nodes; node++) {
    if (!isCut(node)) {
      if (frames[node] !== 0) count++
      continue
    }
    totalFrames++
    belowShare = Math.max(belowShare, shareOf(cum, node))
    const parent = trie.parent[node] as number
    if (isCut(parent)) continue
    for (const [side, sums] of weight.entries()) sums.add(parent, cum[side] as Sums, node)
  }
  return totalFrames === 0 ? null : { frames, weight, count, totalFrames, belowShare }
}
