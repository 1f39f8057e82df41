import { factsOfNode, type Graph, sentenceOf } from './facts.ts'
import type { Layout } from './layout.ts'
import { levelOf } from './tree.ts'

// A canvas says nothing to a screen reader. This small pool of real tree items mirrors the frame the
// cursor is on, its caller, and some siblings and callees around it.

const AROUND = 4

export function itemId(prefix: string, node: number): string {
  return `${prefix}-${node}`
}

export function AriaMirror(props: {
  graph: Graph
  layout: Layout
  cursor: number
  prefix: string
}) {
  const { graph, layout, cursor, prefix } = props
  return (
    <>
      {nodesAround(graph, layout, cursor).map((node) => {
        const group = siblingsOf(graph, layout, node)
        return (
          <div
            key={node}
            id={itemId(prefix, node)}
            role="treeitem"
            tabIndex={-1}
            class="unseen"
            aria-level={levelOf(graph.tree, node) + 1}
            aria-posinset={group.indexOf(node) + 1}
            aria-setsize={group.length}
            aria-expanded={graph.tree.childCount[node] === 0 ? undefined : true}
            aria-selected={node === cursor}
          >
            {sentenceOf(factsOfNode(graph, node))}
          </div>
        )
      })}
    </>
  )
}

function nodesAround(graph: Graph, layout: Layout, cursor: number): number[] {
  const { tree } = graph
  if (tree.nodes === 0) return []
  const siblings = siblingsOf(graph, layout, cursor)
  const at = siblings.indexOf(cursor)
  const near = siblings.slice(Math.max(0, at - AROUND), at + AROUND + 1)
  const callees = childrenOf(graph, layout, cursor).slice(0, AROUND)
  const caller = cursor > 0 ? [tree.parent[cursor] as number] : []
  return [...new Set([...caller, ...near, ...callees])]
}

/** Children that have a width, in drawing order. */
export function childrenOf(graph: Graph, layout: Layout, node: number): number[] {
  const first = graph.tree.firstChild[node] ?? 0
  const children: number[] = []
  const end = first + (graph.tree.childCount[node] ?? 0)
  for (let child = first; child < end; child++) if ((layout.w[child] ?? 0) > 0) children.push(child)
  return children
}

export function siblingsOf(graph: Graph, layout: Layout, node: number): number[] {
  return node === 0 ? [0] : childrenOf(graph, layout, graph.tree.parent[node] ?? 0)
}
