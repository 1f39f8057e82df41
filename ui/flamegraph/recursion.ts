import type { Scales } from './layout.ts'
import { orderBranches } from './order.ts'
import { flatOf, type Tree } from './tree.ts'

/**
 * The tree with direct recursion folded: a function called by itself, at any depth, becomes one
 * frame with the callees of all of them. No value is lost; sums over the tree stay the same.
 */
export function foldRecursion(tree: Tree, scales: Scales): Tree {
  const functionCount = tree.functions.count
  const folded = new Uint32Array(tree.nodes)
  const known = new Map<number, number>()
  const parent = [-1]
  const fn = [tree.fn[0] ?? 0]
  const source = [0]
  const flatA = [flatOf(tree, tree.cumA, 0)]
  const flatB = [flatOf(tree, tree.cumB, 0)]
  for (let i = 1; i < tree.nodes; i++) {
    const above = folded[tree.parent[i] as number] as number
    const f = tree.fn[i] as number
    const key = above * functionCount + f
    let node = above > 0 && fn[above] === f ? above : known.get(key)
    if (node === undefined) {
      node = fn.push(f) - 1
      known.set(key, node)
      parent.push(above)
      source.push(i)
      flatA.push(0)
      flatB.push(0)
    }
    folded[i] = node
    flatA[node] = (flatA[node] as number) + flatOf(tree, tree.cumA, i)
    flatB[node] = (flatB[node] as number) + flatOf(tree, tree.cumB, i)
  }
  const { confidence } = tree
  return orderBranches(
    { parent, fn, flatA, flatB: tree.sides === 2 ? flatB : null },
    tree.functions,
    scales,
    // The outermost frame of a recursion holds all of it: what was found for it still fits.
    confidence && ((node) => confidence[source[node] as number] as number),
  )
}
