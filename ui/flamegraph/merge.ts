import type { FlamegraphAnswer, FunctionInfo } from '../../query/api.ts'
import { functionsOf } from './functions.ts'
import type { Scales } from './layout.ts'
import { buildTree, type Tree } from './tree.ts'

// Trees from JSON answers: small ones, such as the two halves of a sandwich.

type Merged = {
  info: FunctionInfo
  flatA: number
  flatB: number
  children: Map<string, Merged>
}

export function treeOfAnswer(answer: FlamegraphAnswer): Tree {
  const root = newNode(answer.functions[answer.nodes.function[0] ?? 0])
  pour(root, answer, 'flatA')
  return flatten(root, { a: 1, b: 0 }, null)
}

/** Joins two trees by path. `confidence` says for cumulative values how sure a difference is. */
export function mergeTrees(
  a: FlamegraphAnswer,
  b: FlamegraphAnswer,
  scales: Scales,
  confidence: (cumA: number, cumB: number) => number,
): Tree {
  const first = b.functions[b.nodes.function[0] ?? -1] ?? a.functions[a.nodes.function[0] ?? -1]
  const root = newNode(first)
  pour(root, a, 'flatA')
  pour(root, b, 'flatB')
  return flatten(root, scales, confidence)
}

function newNode(info: FunctionInfo | undefined): Merged {
  const nothing = { id: '0', name: '', file: '', module: '', kind: '' }
  return { info: info ?? nothing, flatA: 0, flatB: 0, children: new Map() }
}

function pour(root: Merged, answer: FlamegraphAnswer, side: 'flatA' | 'flatB'): void {
  const { parent, function: fn, flat } = answer.nodes
  const placed: Merged[] = []
  for (let i = 0; i < parent.length; i++) {
    const above = placed[parent[i] as number]
    let node = root
    if (i > 0) {
      if (!above)
        throw new Error(`The graph the server sent cannot be read: frame ${i} has no parent.`)
      const info = answer.functions[fn[i] as number]
      const key = `${info?.id ?? ''} ${info?.kind === 'residual' ? 'residual' : ''}`
      node = above.children.get(key) ?? newNode(info)
      above.children.set(key, node)
    }
    node[side] += Number(flat[i] ?? 0)
    placed.push(node)
  }
}

function flatten(
  root: Merged,
  scales: Scales,
  confidence: ((cumA: number, cumB: number) => number) | null,
): Tree {
  // Breadth first twice: sums need the whole order, the order of siblings needs the sums.
  const all = [root]
  const parents = [-1]
  for (let i = 0; i < all.length; i++)
    for (const child of (all[i] as Merged).children.values()) {
      all.push(child)
      parents.push(i)
    }
  const width = new Map<Merged, { a: number; b: number }>()
  for (const node of all) width.set(node, { a: node.flatA, b: node.flatB })
  for (let i = all.length - 1; i > 0; i--) {
    const own = width.get(all[i] as Merged)
    const above = width.get(all[parents[i] as number] as Merged)
    if (!own || !above) continue
    above.a += own.a
    above.b += own.b
  }
  const sizeOf = (node: Merged): number => {
    const own = width.get(node)
    return own ? own.a * scales.a + own.b * scales.b : 0
  }
  const ordered = [root]
  const childCount: number[] = []
  for (let i = 0; i < ordered.length; i++) {
    const children = [...(ordered[i] as Merged).children.values()]
    children.sort((x, y) => sizeOf(y) - sizeOf(x))
    childCount.push(children.length)
    ordered.push(...children)
  }
  const infos: FunctionInfo[] = []
  const index = new Map<string, number>()
  const fn = ordered.map(({ info }) => {
    const key = `${info.id} ${info.name}`
    const known = index.get(key)
    if (known !== undefined) return known
    index.set(key, infos.length)
    return infos.push(info) - 1
  })
  return buildTree({
    sides: confidence ? 2 : 1,
    flatA: Float64Array.from(ordered, (node) => node.flatA),
    flatB: confidence ? Float64Array.from(ordered, (node) => node.flatB) : null,
    fn: Uint32Array.from(fn),
    childCount: Uint32Array.from(childCount),
    confidence: confidence
      ? Uint8Array.from(ordered, (node) => {
          const own = width.get(node)
          return Math.round(255 * confidence(own?.a ?? 0, own?.b ?? 0))
        })
      : null,
    functions: functionsOf(infos),
  })
}
