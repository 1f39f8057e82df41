import type { Tree } from './tree.ts'

// A frame in a link is named by what it is, not by its row: the id of a node hashes the ids of the
// functions on its path, so it survives new data, other sorting and another day.

/** Id of a node: 14 hex digits. */
export function nodeId(tree: Tree, node: number): string {
  const path: number[] = []
  for (let i = node; i > 0; i = tree.parent[i] as number) path.push(i)
  let low = 0
  let high = 0
  for (let i = path.length - 1; i >= 0; i--) {
    const f = functionHash(tree, tree.fn[path[i] as number] as number)
    low = step(low, f.low)
    high = step(high, f.high)
  }
  return format(low, high)
}

/** The node an id names, or -1. Looks at every node: a path may have changed anywhere. */
export function findNodeById(tree: Tree, id: string): number {
  if (tree.nodes === 0 || !/^[0-9a-f]{14}$/.test(id)) return -1
  const wantedHigh = Number.parseInt(id.slice(0, 6), 16)
  const wantedLow = Number.parseInt(id.slice(6), 16)
  if (wantedHigh === 0 && wantedLow === 0) return 0
  const low = new Uint32Array(tree.nodes)
  const high = new Uint32Array(tree.nodes)
  const hashes = Array.from({ length: tree.functions.count }, (_, f) => functionHash(tree, f))
  for (let i = 1; i < tree.nodes; i++) {
    const parent = tree.parent[i] as number
    const f = hashes[tree.fn[i] as number] as { low: number; high: number }
    low[i] = step(low[parent] as number, f.low)
    high[i] = step(high[parent] as number, f.high)
    if (low[i] === wantedLow && ((high[i] as number) & 0xffffff) === wantedHigh) return i
  }
  return -1
}

function step(hash: number, word: number): number {
  let h = Math.imul(hash ^ word, 0x85ebca6b) + 0x9e3779b9
  h ^= h >>> 15
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 13)) >>> 0
}

function functionHash(tree: Tree, f: number): { low: number; high: number } {
  const id = BigInt(tree.functions.id(f) || 0)
  return { low: Number(id & 0xffffffffn), high: Number((id >> 32n) & 0xffffffffn) }
}

// 24 bits of `high` are enough: 56 bits make a clash among 10^6 nodes a chance of 10^-5.
function format(low: number, high: number): string {
  return (high & 0xffffff).toString(16).padStart(6, '0') + (low >>> 0).toString(16).padStart(8, '0')
}
