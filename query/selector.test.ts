import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { Matcher } from './selector.ts'
import { checkLabelName, formatSelector, parseSelector } from './selector.ts'

describe('a selector', () => {
  it.each<[string, Matcher[]]>([
    ['', []],
    ['{}', []],
    ['  {  }  ', []],
    ['{service="checkout"}', [{ name: 'service', operator: '=', value: 'checkout' }]],
    ['service="checkout"', [{ name: 'service', operator: '=', value: 'checkout' }]],
    [
      '{ a = "1" , b != "2",c=~"3.*" ,d!~"4", }',
      [
        { name: 'a', operator: '=', value: '1' },
        { name: 'b', operator: '!=', value: '2' },
        { name: 'c', operator: '=~', value: '3.*' },
        { name: 'd', operator: '!~', value: '4' },
      ],
    ],
    ['{a="}"}', [{ name: 'a', operator: '=', value: '}' }]],
    ["{a='it\\'s'}", [{ name: 'a', operator: '=', value: "it's" }]],
    ['{a=`\\d+"\n`}', [{ name: 'a', operator: '=', value: '\\d+"\n' }]],
    [
      '{a="\\t\\n\\\\\\"\\x41\\u00fc\\U0001f525"}',
      [{ name: 'a', operator: '=', value: '\t\n\\"Aü🔥' }],
    ],
  ])('reads %s', (text, matchers) => {
    expect(parseSelector(text)).toEqual(matchers)
  })

  it.each([
    ['{', 'Expected "," or "}" at position 1', 'the end'],
    ['{service}', 'Expected one of = != =~ !~ at position 8', '"}"'],
    ['{service=checkout}', 'Expected a quoted value at position 9', '"checkout}"'],
    ['{="a"}', 'Expected a label name', 'position 1'],
    ['{a="b"', 'Expected "," or "}" at position 6', 'the end'],
    ['{a="b" c="d"}', 'Expected "," or "}" at position 7', '"c='],
    ['{a="b"} more', 'Expected the end at position 8', '"more"'],
    ['{a="b', 'begins at position 3', 'has no end'],
    ['{a="b\nc"}', 'begins at position 3', 'has no end'],
    ['{a="\\d"}', 'Unknown escape "\\\\d" at position 4', ''],
    ['{a="\\U00110000"}', 'Unknown escape', ''],
    ['{1a="b"}', 'Expected a label name', ''],
  ])('says where %s is not understood', (text, fact, got) => {
    const read = () => parseSelector(text)
    expect(read).toThrow(fact)
    expect(read).toThrow(got)
    expect(read).toThrow(expect.objectContaining({ code: 'malformed', status: 400 }))
  })

  it('is bounded', () => {
    expect(() => parseSelector('a'.repeat(10_001))).toThrow('at most 10000 characters')
    expect(() => parseSelector(new Array(101).fill('a="b"').join(','))).toThrow('at most 100')
  })
})

test('what is formatted parses to the same matchers', () => {
  const matcher = fc.record({
    name: fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,10}$/),
    operator: fc.constantFrom('=', '!=', '=~', '!~'),
    value: fc.string({ unit: 'binary', maxLength: 30 }),
  })
  fc.assert(
    fc.property(fc.array(matcher, { maxLength: 5 }), (matchers) => {
      expect(parseSelector(formatSelector(matchers as Matcher[]))).toEqual(matchers)
    }),
  )
})

test('any text is read or refused as malformed, never anything else', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '"',
    "'",
    '`',
    '\\',
    '=',
    '~',
    '!',
    ',',
    'a',
    ' ',
    '\n',
    '\\x',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 20 }), (text) => {
      try {
        parseSelector(text.join(''))
      } catch (error) {
        expect(error).toMatchObject({ code: 'malformed' })
      }
    }),
    { numRuns: 2000 },
  )
})

test('names of labels follow the contract', () => {
  expect(() => checkLabelName('instance_type')).not.toThrow()
  for (const name of ['', '1a', 'a-b', "a'] = '", 'a'.repeat(1025)])
    expect(() => checkLabelName(name)).toThrow('Expected a label name')
})
