import { describe, expect, it } from 'vitest'
import { parseSelector } from '../query/selector.ts'
import { matcherOf, selectorOf, splitMatchers } from './selector.ts'

describe('selectorOf', () => {
  it('names service, version and what the user added', () => {
    expect(selectorOf('checkout', 'v4', 'host!="a"')).toBe(
      '{service="checkout", version="v4", host!="a"}',
    )
    expect(selectorOf('checkout', '', '')).toBe('{service="checkout"}')
  })

  it('is read by the server as the very text, whatever it holds', () => {
    for (const text of [
      'a"b',
      'back\\slash',
      'new\nline',
      '{}',
      '\u202e',
      '👩‍🚀',
      '\\',
      '"',
      '\\n',
      'tab\there',
    ])
      expect(parseSelector(selectorOf(text, text, matcherOf('host', text)))).toEqual(
        ['service', 'version', 'host'].map((name) => ({ name, operator: '=', value: text })),
      )
  })
})

describe('splitMatchers', () => {
  it('splits at commas outside quotes', () => {
    expect(splitMatchers('a="1, 2", b=~"x,\\",y" ,c!="d"')).toEqual([
      'a="1, 2"',
      'b=~"x,\\",y"',
      'c!="d"',
    ])
    expect(splitMatchers('  ')).toEqual([])
  })
})
