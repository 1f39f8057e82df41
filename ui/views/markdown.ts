import { factsOfNode, type Graph } from '../flamegraph/facts.ts'

/** The largest frames under a node as a table for a comment: nothing in a name can break it. */
export function markdownTable(graph: Graph, rows: number): string {
  const nodes = [...graph.tree.fn.keys()].slice(1)
  const change = (node: number): number => {
    const { tree, scales } = graph
    const difference = (tree.cumB[node] ?? 0) * scales.b - (tree.cumA[node] ?? 0) * scales.a
    return Math.abs(difference) * ((tree.confidence?.[node] ?? 0) / 255)
  }
  const rank = graph.b ? change : (node: number): number => graph.tree.cumA[node] ?? 0
  nodes.sort((x, y) => rank(y) - rank(x))
  const lines = graph.b
    ? ['| frame | A | B | change | |', '| --- | ---: | ---: | ---: | --- |']
    : ['| frame | total | self |', '| --- | ---: | ---: |']
  for (const node of nodes.slice(0, rows)) {
    const { name, sides, change: made } = factsOfNode(graph, node)
    const [one, two] = sides
    lines.push(
      made
        ? `| ${code(name)} | ${one?.cumShare} | ${two?.cumShare} | ${made.cum} | ${made.relative} |`
        : `| ${code(name)} | ${one?.cumShare} | ${one?.flatShare} |`,
    )
  }
  return `${lines.join('\n')}\n`
}

// A code span ends at a run of backticks as long as its own; a pipe ends a cell even inside one.
function code(name: string): string {
  const longest = Math.max(0, ...(name.match(/`+/g) ?? []).map((run) => run.length))
  const fence = '`'.repeat(longest + 1)
  const pad = longest > 0 ? ' ' : ''
  return fence + pad + name.replace(/\|/g, '\\|') + pad + fence
}
