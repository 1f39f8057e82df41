import type { CallTree } from './call-tree.ts'
import { findUsed } from './call-tree.ts'

const CHUNK_CHARACTERS = 65_536

/**
 * Folded stacks, as flame graph tools read them: `root;caller;leaf 12`, with two sides
 * `root;caller;leaf 12 30`, ordered by names, in chunks of whole lines: 50,000 stacks are 150 MB. The
 * format knows no escapes: a semicolon in a name becomes a colon, a line end a space.
 */
export function* formatFolded(tree: CallTree): Generator<string> {
  const { functions, flat, trie } = tree
  const names = functions.names.map((name) => name.replace(/;/g, ':').replace(/[\r\n]+/g, ' '))
  const children = groupByName(tree, names)
  const open: { readonly node: number; readonly path: string }[] = [{ node: 0, path: '' }]
  let chunk = ''
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, path } = next
    if (flat.some((sums) => sums.approximate(node) !== 0)) {
      const values = flat.map((sums) => sums.exact(node)).join(' ')
      chunk += `${path === '' ? '[no frames]' : path} ${values}\n`
      if (chunk.length > CHUNK_CHARACTERS) {
        yield chunk
        chunk = ''
      }
    }
    const prefix = path === '' ? '' : `${path};`
    for (const child of children.get(node) ?? [])
      open.push({ node: child, path: prefix + names[trie.fn[child] as number] })
  }
  if (chunk !== '') yield chunk
}

/** Children of each node that has some, last name first, as a stack wants them. */
function groupByName(tree: CallTree, names: readonly string[]): Map<number, number[]> {
  const { trie } = tree
  const used = findUsed(tree)
  const children = new Map<number, number[]>()
  for (let node = 1; node < trie.nodes; node++) {
    if (used[node] === 0) continue
    const siblings = children.get(trie.parent[node] as number)
    if (siblings) siblings.push(node)
    else children.set(trie.parent[node] as number, [node])
  }
  const nameOf = (node: number) => names[trie.fn[node] as number] as string
  for (const siblings of children.values())
    siblings.sort((a, b) => (nameOf(a) < nameOf(b) ? 1 : nameOf(a) > nameOf(b) ? -1 : 0))
  return children
}
