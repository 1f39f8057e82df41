import { expect, test } from 'vitest'
import { Trie } from './trie.ts'

test.each([1, 2, 3, 5, 64, 100])('a trie for %i nodes grows beyond them', (expected) => {
  const trie = new Trie(expected)
  const places = Array.from({ length: 1000 }, (_, i) => trie.child(i === 0 ? 0 : i, i % 7))
  expect(places).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1))
  for (const [i, node] of places.entries()) {
    expect([trie.parent[node], trie.fn[node]]).toEqual([i, i % 7])
    expect(trie.outermost[node]).toBe(i < 7 ? 1 : 0)
    expect(trie.child(i, i % 7)).toBe(node)
  }
  expect(trie.nodes).toBe(1001)
})
