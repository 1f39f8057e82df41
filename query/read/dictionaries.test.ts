import { describe, expect, it } from 'vitest'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { createMetrics } from '../../infra/runtime/metrics.ts'
import type { Sql } from '../../infra/store/sql.ts'
import { sqlText } from '../../infra/store/sql.ts'
import { Dictionaries } from './dictionaries.ts'
import type { Reader } from './reader.ts'

/** A store whose stack n is the one frame n, named `f<n>`; it keeps what was asked of it. */
class FakeReader implements Reader {
  readonly nowMs = 0
  readonly tenant: string
  readonly stacks: bigint[][] = []
  readonly functions: bigint[][] = []
  fault: Error | null = null

  constructor(tenant = 'default') {
    this.tenant = tenant
  }

  rows<T>(): Promise<T[]> {
    return Promise.resolve([])
  }

  binary(statement: Sql): Promise<Buffer> {
    if (this.fault) return Promise.reject(this.fault)
    const text = sqlText(statement)
    const ids = [...(/IN \[(.*)\]/.exec(text)?.[1] ?? '').matchAll(/\d+/g)].map(([id]) =>
      BigInt(id),
    )
    const isStacks = text.includes('FROM stacks')
    ;(isStacks ? this.stacks : this.functions).push(ids)
    return Promise.resolve(Buffer.concat(ids.map(isStacks ? stackRow : functionRow)))
  }
}

function stackRow(id: bigint): Buffer {
  return Buffer.concat([u64(id), Buffer.from([1]), u64(id)])
}

function functionRow(id: bigint): Buffer {
  const name = `f${id}`
  return Buffer.concat([
    u64(id),
    Buffer.from([name.length]),
    Buffer.from(name),
    Buffer.from([0, 0]),
  ])
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return bytes
}

const ids = (...numbers: number[]) => Uint32Array.from(numbers.flatMap((n) => [n, 0]))

async function load(from: Dictionaries, ...question: Parameters<Dictionaries['load']>) {
  return (await from.load(...question)).dictionary
}

const create = (maxBytes = 1e9) => new Dictionaries({ maxBytes, metrics: createMetrics() })

describe('dictionaries', () => {
  it('load what they lack and nothing twice', async () => {
    const reader = new FakeReader()
    const dictionaries = create()
    const dictionary = await load(dictionaries, reader, 'shop', ids(3, 1))
    expect(dictionary.names).toEqual(['f1', 'f3'])
    await load(dictionaries, reader, 'shop', ids(1, 2, 3))
    expect(reader.stacks).toEqual([[1n, 3n], [2n]])
    expect(reader.functions).toEqual([[1n, 3n], [2n]])
    expect(dictionary.trie.fn[dictionary.leafOf(2, 0)]).toBe(2)
    const { leaves } = await dictionaries.load(reader, 'shop', ids(2, 1))
    expect([...leaves]).toEqual([dictionary.leafOf(2, 0), dictionary.leafOf(1, 0)])
  })

  it('ask for no more ids in one statement than its text may hold', async () => {
    const reader = new FakeReader()
    await load(create(), reader, 'shop', ids(...Array.from({ length: 25_000 }, (_, i) => i + 1)))
    expect(reader.stacks.map((part) => part.length)).toEqual([10_000, 10_000, 5_000])
    expect(reader.functions.flat()).toHaveLength(25_000)
  })

  it('load the same stacks once for questions at the same time', async () => {
    const reader = new FakeReader()
    const dictionaries = create()
    const loads = [1, 2, 3].map(() => load(dictionaries, reader, 'shop', ids(1, 2)))
    const [first, second, third] = await Promise.all(loads)
    expect(first === second && second === third).toBe(true)
    expect(reader.stacks).toHaveLength(1)
  })

  it('keep tenants and services apart', async () => {
    const reader = new FakeReader()
    const dictionaries = create()
    const shop = await load(dictionaries, reader, 'shop', ids(1))
    expect(await load(dictionaries, reader, 'other', ids(1))).not.toBe(shop)
    expect(await load(dictionaries, new FakeReader('b'), 'shop', ids(1))).not.toBe(shop)
  })

  it('survive a question that was cancelled', async () => {
    const reader = new FakeReader()
    reader.fault = new FlamewatchError('query_cancelled', 'Stopped.')
    const dictionaries = create()
    const cancelled = load(dictionaries, reader, 'shop', ids(1))
    await expect(cancelled).rejects.toMatchObject({ code: 'query_cancelled' })
    reader.fault = null
    expect((await load(dictionaries, reader, 'shop', ids(1))).names).toEqual(['f1'])
  })

  it('forget the services not asked for longest when the budget is used up', async () => {
    const reader = new FakeReader()
    const one = await load(create(), reader, 'size', ids(1))
    const dictionaries = create(one.bytes * 2)
    const a = await load(dictionaries, reader, 'a', ids(1))
    await load(dictionaries, reader, 'b', ids(1))
    expect(await load(dictionaries, reader, 'a', ids(1))).toBe(a)
    await load(dictionaries, reader, 'c', ids(1))
    expect(dictionaries.bytes).toBeLessThanOrEqual(one.bytes * 2)
    // `b` made room, `a` was used since.
    expect(await load(dictionaries, reader, 'a', ids(1))).toBe(a)
  })

  it('answer a question whose service is over the budget alone, and keep nothing', async () => {
    const dictionaries = create(1)
    const dictionary = await load(dictionaries, new FakeReader(), 'shop', ids(1))
    expect(dictionary.names).toEqual(['f1'])
    expect(dictionaries.bytes).toBe(0)
  })
})
