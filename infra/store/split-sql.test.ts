import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitStatements } from './split-sql.ts'

describe('splitting a file of SQL', () => {
  it.each<[string, string, string[]]>([
    ['statements', 'SELECT 1;\nSELECT 2;\n', ['SELECT 1', 'SELECT 2']],
    ['a last statement without an end', 'SELECT 1;SELECT 2', ['SELECT 1', 'SELECT 2']],
    ['nothing', ' ;; \n; ', []],
    [
      'strings',
      `SELECT ';', 'a''; b', 'a\\'; b', "x;y", \`z;\``,
      [`SELECT ';', 'a''; b', 'a\\'; b', "x;y", \`z;\``],
    ],
    ['text in dollars', "SELECT $a$;'$a$; SELECT $$;$$", ["SELECT $a$;'$a$", 'SELECT $$;$$']],
    [
      'line comments',
      "SELECT 1 -- it's; one\n, 2; # not! this; one\nSELECT 3",
      ['SELECT 1 \n, 2', 'SELECT 3'],
    ],
    ['nested comments', "SELECT/* a; /* ' */ b; */1; /* c */", ['SELECT 1']],
    ['division and minus', 'SELECT 4/2, 3- -1', ['SELECT 4/2, 3- -1']],
  ])('knows %s', (_, text, statements) => {
    expect(splitStatements(text)).toEqual(statements)
  })

  it.each([
    ["SELECT 1;\nSELECT 'a", 'quote', 2],
    ['SELECT "a', 'quote', 1],
    ['\n\n/* a /* b */', 'comment', 3],
  ])('refuses what does not end: %j', (text, what, line) => {
    expect(() => splitStatements(text)).toThrow(`A ${what} that begins in line ${line} has no end.`)
  })

  it('finds as many statements as were joined, whatever is in their strings', () => {
    const literal = fc.string().map((value) => `SELECT '${value.replace(/[\\']/g, '\\$&')}'`)
    fc.assert(
      fc.property(fc.array(literal, { minLength: 1 }), (statements) => {
        expect(splitStatements(statements.join(';\n-- next; one\n'))).toEqual(statements)
      }),
    )
  })
})
