import { describe, expect, it } from 'vitest'
import { joinSql, type SqlValue, sql, sqlText, trustedSql } from './sql.ts'

const literal = (value: SqlValue) => sqlText(sql`${value}`)

describe('a value in SQL', () => {
  it.each<{ value: SqlValue; text: string }>([
    { value: 'plain', text: `'plain'` },
    { value: `it's`, text: `'it\\'s'` },
    { value: 'back\\slash', text: `'back\\\\slash'` },
    { value: 'nul\0', text: `unhex('6e756c00')` },
    { value: 'new\nline', text: `unhex('6e65770a6c696e65')` },
    { value: 'lone \ud800', text: `unhex('6c6f6e6520efbfbd')` },
    { value: 5, text: '5' },
    { value: -5, text: '(-5)' },
    { value: -5n, text: '(-5)' },
    { value: 2n ** 64n - 1n, text: '18446744073709551615' },
    { value: true, text: '1' },
    { value: new Date(-1), text: `fromUnixTimestamp64Milli(-1, 'UTC')` },
    { value: ['a', `'`], text: `['a', '\\'']` },
    { value: [], text: '[]' },
    { value: [1n, -1n], text: '[1, (-1)]' },
  ])('is one literal: $text', ({ value, text }) => {
    expect(literal(value)).toBe(text)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, new Date('never')])('is refused: %s', (value) => {
    expect(() => literal(value)).toThrow('for SQL must be')
  })
})

it('parts of SQL are put in as they are', () => {
  const where = joinSql([sql`a = ${1}`, sql`b = ${'x'}`], ' AND ')
  expect(sqlText(sql`SELECT ${trustedSql('count()')} FROM t WHERE ${where}`)).toBe(
    `SELECT count() FROM t WHERE a = 1 AND b = 'x'`,
  )
})
