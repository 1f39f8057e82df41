import { describe, expect, it } from 'vitest'
import { drawGraph, findByName } from '../../tests/fixtures/drawn-graph.ts'
import { layOutTree } from './layout.ts'
import { collectMatches, matchFunctions, parseSearch } from './search.ts'

const tree = drawGraph(`
  main;parse;parse;lex 4 4
  main;Parser.run 2 2
  main;idle 4 4`)
const layout = layOutTree(tree, { a: 0.1, b: 0.1 }, 'union')

function search(text: string) {
  const matcher = parseSearch(text)
  return matcher && collectMatches(tree, layout, matchFunctions(tree, matcher))
}

describe('a search', () => {
  it('finds text anywhere and in any case', () => {
    expect(search('PARSE')?.count).toBe(3)
  })

  it('counts the weight of nested matches once', () => {
    expect(search('parse')?.share).toBeCloseTo(0.6, 12)
  })

  it('stops at outermost matches only, the widest first', () => {
    expect(search('parse')?.nodes).toEqual([
      findByName(tree, 'parse'),
      findByName(tree, 'Parser.run'),
    ])
  })

  it('takes a pattern between slashes', () => {
    expect(search('/^parse$/')?.count).toBe(2)
    expect(search('/^PARSE$/i')?.count).toBe(2)
  })

  it('says of a broken pattern that it is none', () => {
    expect(parseSearch('/(/')).toBeNull()
  })

  it('takes pattern characters literally outside slashes', () => {
    expect(search('.run')?.count).toBe(1)
    expect(search('(')?.count).toBe(0)
  })

  it('does not count the whole as a match', () => {
    expect(search('total')?.count).toBe(0)
  })
})
