import { bucketOf, relativeChange } from './difference.ts'
import type { Layout, Scales } from './layout.ts'
import { plainBucket } from './palette.ts'
import type { Tree } from './tree.ts'

/** Which palette entry a node or a run of nodes gets. */
export type Shade = {
  readonly kind: 'plain' | 'diff'
  readonly node: (node: number) => number
  readonly run: (first: number, last: number) => number
  /** +1 only in B, -1 only in A, 0 else: what is hatched. */
  readonly only: (node: number) => -1 | 0 | 1
}

export function plainShade(tree: Tree): Shade {
  const { functions, fn } = tree
  const byFunction = new Int16Array(functions.count).fill(-1)
  const node = (i: number): number => {
    const f = fn[i] as number
    let bucket = byFunction[f] as number
    if (bucket < 0) {
      bucket = plainBucket(functions.kind(f), functions.module(f), functions.name(f))
      byFunction[f] = bucket
    }
    return bucket
  }
  // The widest of siblings stands first: a run looks like its largest part.
  return { kind: 'plain', node, run: node, only: () => 0 }
}

export function diffShade(tree: Tree, layout: Layout, scales: Scales): Shade {
  const { cumA, cumB, confidence } = tree
  const sure = (i: number): number => (confidence ? (confidence[i] as number) / 255 : 0)
  return {
    kind: 'diff',
    node(i) {
      const r = relativeChange((cumA[i] as number) * scales.a, (cumB[i] as number) * scales.b)
      return bucketOf(r, sure(i))
    },
    // By the sums of the run; the certainty is the mean of its frames, weighted by width.
    run(first, last) {
      let a = 0
      let b = 0
      let width = 0
      let sureWidth = 0
      for (let i = first; i <= last; i++) {
        a += cumA[i] as number
        b += cumB[i] as number
        width += layout.w[i] as number
        sureWidth += (layout.w[i] as number) * sure(i)
      }
      return bucketOf(
        relativeChange(a * scales.a, b * scales.b),
        width > 0 ? Math.min(1, sureWidth / width) : 0,
      )
    },
    only(i) {
      if ((confidence?.[i] ?? 0) === 0) return 0
      if (cumA[i] === 0) return 1
      return cumB[i] === 0 ? -1 : 0
    },
  }
}
