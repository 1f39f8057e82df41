import { describe, expect, it } from 'vitest'
import { nativeBlock, uint8s } from './native.ts'
import { sql } from './sql.ts'
import { insertHead, killStatement, mark, readStatement, runStatement } from './statement.ts'

const { columns } = nativeBlock({ a: uint8s([1]), b: uint8s([1]) })

describe('a read', () => {
  it('carries its limits and its format behind a line break', () => {
    const limits = { timeoutMs: 1500, memoryBytes: 1e6, rows: 10 }
    expect(readStatement(sql`SELECT 1 -- one`, 'RowBinary', limits)).toBe(
      'SELECT 1 -- one\nFORMAT RowBinary SETTINGS max_execution_time = 1.5, ' +
        "max_memory_usage = 1000000, max_result_rows = 10, result_overflow_mode = 'throw', " +
        'max_result_bytes = 1073741824',
    )
  })

  it('has an end even where nobody set one', () => {
    expect(readStatement(sql`SELECT 1`, 'RowBinary', {})).toContain('max_execution_time = 60')
    expect(readStatement(sql`SELECT 1`, 'RowBinary', { rows: 1 })).toContain(
      'max_execution_time = 60',
    )
  })
})

it('other statements stay as they are, unless they have limits', () => {
  expect(runStatement(sql`CREATE TABLE t (n UInt8) ENGINE = Null`, {}).trim()).toBe(
    'CREATE TABLE t (n UInt8) ENGINE = Null',
  )
  expect(runStatement(sql`INSERT INTO t SELECT 1`, { timeoutMs: 1 })).toContain(
    ' SETTINGS max_execution_time = 0.001',
  )
})

describe('the head of an insert', () => {
  it('names columns and token', () => {
    expect(insertHead('t', columns, 'a/1/2', ['x = 1'])).toBe(
      'INSERT INTO t (a, b) SETTINGS insert_deduplicate = 1, ' +
        'deduplicate_blocks_in_dependent_materialized_views = 1, ' +
        "insert_deduplication_token = 'a/1/2', x = 1",
    )
  })

  it('has a new token each time where none was given', () => {
    const token = () => /token = '([^']{36})'/.exec(insertHead('t', columns, null, []))?.[1]
    expect(token()).toBeTypeOf('string')
    expect(token()).not.toBe(token())
  })

  it.each(["'", '\\', '', ' ', 'a'.repeat(501), 'é'])('refuses the token %j', (token) => {
    expect(() => insertHead('t', columns, token, [])).toThrow('token')
  })
})

it('a statement is killed by the mark it begins with', () => {
  expect(killStatement('x-1')).toBe(`KILL QUERY WHERE startsWith(query, '${mark('x-1')}') ASYNC`)
})
