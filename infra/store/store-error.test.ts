import { ClickHouseError } from '@clickhouse/client'
import { describe, expect, it } from 'vitest'
import { FlamewatchError } from '../runtime/errors.ts'
import {
  isAddressFault,
  isTimeout,
  type StoreOperation,
  storeError,
  storeTimeout,
  wasNotSent,
} from './store-error.ts'

const engine = (code: number, type: string) =>
  new ClickHouseError({ code: String(code), type, message: 'words of the engine. ' })
const network = (code: string) => Object.assign(new Error(`connect ${code}`), { code })

describe('an error of the store', () => {
  it.each<[string, unknown, StoreOperation, Partial<FlamewatchError>]>([
    [
      'a limit of a read',
      engine(159, 'TIMEOUT_EXCEEDED'),
      'read',
      { code: 'query_limit', retriable: false, status: 422 },
    ],
    [
      'a limit of an insert',
      engine(241, 'MEMORY_LIMIT_EXCEEDED'),
      'insert',
      { code: 'store_error', retriable: true },
    ],
    ['a kill', engine(394, 'QUERY_WAS_CANCELLED'), 'read', { code: 'query_cancelled' }],
    [
      'too many parts',
      engine(252, 'TOO_MANY_PARTS'),
      'insert',
      { code: 'store_error', retriable: true, status: 503 },
    ],
    [
      'bad SQL',
      engine(62, 'SYNTAX_ERROR'),
      'read',
      { code: 'store_error', retriable: false, status: 500 },
    ],
    ['a missing database', engine(81, 'UNKNOWN_DATABASE'), 'read', { code: 'migration' }],
    [
      'a refused connection',
      network('ECONNREFUSED'),
      'insert',
      { code: 'store_unavailable', retriable: true, status: 503 },
    ],
    [
      'a connection that was closed',
      new Error('socket hang up'),
      'read',
      { code: 'store_unavailable', retriable: true },
    ],
    [
      'a time-out',
      new Error('Timeout error.'),
      'read',
      { code: 'store_unavailable', retriable: true },
    ],
    [
      'a full disk',
      network('ENOSPC'),
      'insert',
      { code: 'store_error', retriable: true, status: 503 },
    ],
    ['anything else', new Error('what?'), 'run', { code: 'store_error', retriable: false }],
    ['no error at all', 'what?', 'run', { code: 'store_error', retriable: false }],
  ])('tells what to do about %s', (_, thrown, operation, expected) => {
    expect(storeError(thrown, operation)).toMatchObject(expected)
  })

  it('keeps the engine’s words, name and number', () => {
    const error = storeError(engine(60, 'UNKNOWN_TABLE'), 'read')
    expect(error.message).toBe('The store answered: words of the engine. (UNKNOWN_TABLE, 60)')
    expect(error.hint).toContain('flamewatch migrate')
  })

  it('names the addresses that were tried', () => {
    const addresses = [{ url: 'http://a:8123' }, { url: 'http://b:8123' }]
    expect(storeError(network('ECONNREFUSED'), 'read', addresses).message).toContain(
      'at http://a:8123, http://b:8123: ',
    )
  })

  it('is the fault of the address, or was not sent, or came late, by its code', () => {
    const refused = Object.assign(network('ECONNREFUSED'), { syscall: 'connect' })
    const late = Object.assign(network('ETIMEDOUT'), { syscall: 'connect' })
    const cut = network('ECONNRESET')
    const readOnly = engine(242, 'TABLE_IS_READ_ONLY')
    const silent = storeTimeout(70_000, undefined)
    const judge = (error: Error) => [isAddressFault(error), wasNotSent(error), isTimeout(error)]
    expect([refused, late, cut, readOnly, silent].map(judge)).toEqual([
      [true, true, false],
      [true, true, true],
      [true, false, false],
      [true, false, false],
      [true, false, true],
    ])
    expect(judge(engine(62, 'SYNTAX_ERROR'))).toEqual([false, false, false])
  })

  it.each(['SELF_SIGNED_CERT_IN_CHAIN', 'EPROTO'])('of TLS (%s) says what to look at', (code) => {
    expect(storeError(network(code), 'read')).toMatchObject({
      code: 'store_error',
      retriable: false,
      hint: expect.stringContaining('--store-'),
    })
  })

  it('of ours stays itself', () => {
    const error = new FlamewatchError('migration', 'x')
    expect(storeError(error, 'read')).toBe(error)
  })
})
