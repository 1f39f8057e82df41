import type { CallTree } from './call-tree.ts'

/**
 * Folded stacks, as flame graph tools read them: `root;caller;leaf 12`, with two sides
 * `root;caller;leaf 12 30`. The format knows no escapes: a semicolon in a name becomes a colon, a
 * line end a space.
 */
export function formatFolded({ trie, functions, flat }: CallTree): string {
  const names = functions.names.map((name) => name.replace(/;/g, ':').replace(/[\r\n]+/g, ' '))
  const lines: string[] = []
  const path: string[] = []
  for (let node = 0; node < trie.nodes; node++) {
    if (!flat.some((sums) => sums.approximate(node) !== 0)) continue
    path.length = 0
    for (let at = node; at !== 0; at = trie.parent[at] as number)
      path.push(names[trie.fn[at] as number] as string)
    if (path.length === 0) path.push('[no frames]')
    const values = flat.map((sums) => sums.exact(node).toString())
    lines.push(`${path.reverse().join(';')} ${values.join(' ')}\n`)
  }
  return lines.sort().join('')
}
