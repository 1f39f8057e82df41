import type { FlamegraphAnswer, FunctionInfo } from '../../query/api.ts'
import { functionsOf } from './functions.ts'
import type { Scales } from './layout.ts'
import { type Branches, orderBranches } from './order.ts'
import type { Tree } from './tree.ts'

// Trees from JSON answers: small ones, such as the two halves of a sandwich.

export function treeOfAnswer(answer: FlamegraphAnswer): Tree {
  const { branches, infos } = joinAnswers(answer, null)
  return orderBranches({ ...branches, flatB: null }, functionsOf(infos), { a: 1, b: 0 }, null)
}

/** Joins two trees by path. `confidence` (0..1) says for values how sure a difference is. */
export function mergeTrees(
  a: FlamegraphAnswer,
  b: FlamegraphAnswer,
  scales: Scales,
  confidence: (cumA: number, cumB: number) => number,
): Tree {
  const { branches, infos } = joinAnswers(a, b)
  return orderBranches(branches, functionsOf(infos), scales, (_, cumA, cumB) =>
    Math.round(255 * confidence(cumA, cumB)),
  )
}

type Joined = {
  readonly branches: Branches & { readonly flatB: readonly number[] }
  readonly infos: readonly FunctionInfo[]
}

function joinAnswers(a: FlamegraphAnswer, b: FlamegraphAnswer | null): Joined {
  const infos: FunctionInfo[] = []
  const indices = new Map<string, number>()
  const nodes = new Map<string, number>()
  const parent: number[] = []
  const fn: number[] = []
  const flatA: number[] = []
  const flatB: number[] = []

  function indexOf(info: FunctionInfo): number {
    // Cut frames have no id; those of one parent are one, whatever their number.
    const key = info.kind === 'residual' ? 'residual' : `${info.id} ${info.name}`
    let index = indices.get(key)
    if (index === undefined) {
      index = infos.push(info) - 1
      indices.set(key, index)
    }
    return index
  }

  function pour(answer: FlamegraphAnswer, into: number[]): void {
    const placed: number[] = []
    answer.nodes.parent.forEach((above, i) => {
      const info = answer.functions[answer.nodes.function[i] as number]
      const at = i === 0 ? -1 : placed[above]
      if (!info || at === undefined)
        throw new Error(`The graph the server sent cannot be read: frame ${i} has no parent.`)
      const f = indexOf(info)
      // Node 0 stands for the same on both sides, even where its name differs.
      const key = i === 0 ? 'root' : `${at} ${f}`
      let node = nodes.get(key)
      if (node === undefined) {
        node = parent.push(at) - 1
        nodes.set(key, node)
        fn.push(f)
        flatA.push(0)
        flatB.push(0)
      }
      into[node] = (into[node] as number) + Number(answer.nodes.flat[i] ?? 0)
      placed.push(node)
    })
  }

  pour(a, flatA)
  if (b) pour(b, flatB)
  return { branches: { parent, fn, flatA, flatB }, infos }
}
