import { describe, expect, it } from 'vitest'
import { drawSide } from '../../tests/fixtures/drawn-graph.ts'
import { growTree } from '../../tests/fixtures/fake-api/call-tree.ts'
import { encodeColumns } from '../../tests/fixtures/fake-api/columns.ts'
import { PROGRAMS, type Program } from '../../tests/fixtures/fake-api/programs.ts'
import { ColumnsError, decodeColumns } from './columns.ts'
import { buildTree } from './tree.ts'

const HEADER = {
  type: 'process_cpu:cpu:nanoseconds:cpu:nanoseconds',
  unit: 'nanoseconds',
  a: drawSide({ total: 10 }),
  truncated: null,
  source: 'profiles',
}

function encode(program: Program, nodes: number, sides: 1 | 2 = 2): ArrayBuffer {
  const tree = growTree(program, { seed: 3, nodes, totalA: 1e12, totalB: 2e12 })
  return encodeColumns(tree, sides === 2 ? { ...HEADER, b: drawSide({}) } : HEADER).buffer
}

const CHECKOUT = PROGRAMS[0] as Program

/** A copy with one 32-bit word changed. */
function withWord(bytes: ArrayBuffer, at: number, value: number): ArrayBuffer {
  const copy = bytes.slice(0)
  new DataView(copy).setUint32(at, value, true)
  return copy
}

/** Where a section begins, found by the lengths in the fixed part. */
function sectionOf(bytes: ArrayBuffer, name: 'flatA' | 'fn' | 'childCount' | 'nameEnd'): number {
  const head = new DataView(bytes)
  const [n, m, header] = [8, 12, 16].map((at) => head.getUint32(at, true)) as [
    number,
    number,
    number,
  ]
  const pad = (size: number): number => Math.ceil(size / 8) * 8
  const flatA = 24 + pad(header)
  const fn = flatA + 16 * n
  const childCount = fn + pad(4 * n)
  const nameEnd = childCount + pad(4 * n) + pad(n) + 8 * m
  return { flatA, fn, childCount, nameEnd }[name]
}

describe('decodeColumns', () => {
  it('reads what was written, with two sides', () => {
    const tree = growTree(CHECKOUT, { seed: 3, nodes: 500, totalA: 1e12, totalB: 2e12 })
    const columns = decodeColumns(encode(CHECKOUT, 500))
    expect(columns.sides).toBe(2)
    expect([...columns.flatA]).toEqual([...tree.flatA])
    expect([...(columns.flatB ?? [])]).toEqual([...tree.flatB])
    expect([...columns.childCount]).toEqual([...tree.childCount])
    for (let i = 0; i < tree.functions.length; i++) {
      expect(columns.functions.name(i)).toBe(tree.functions[i]?.name)
      expect(columns.functions.module(i)).toBe(tree.functions[i]?.module)
      expect(columns.functions.kind(i)).toBe(tree.functions[i]?.kind)
      expect(columns.functions.id(i)).toBe(tree.functions[i]?.id)
    }
    const built = buildTree(columns)
    for (let i = 0; i < built.nodes; i++) {
      expect(built.cumA[i] as number).toBeCloseTo(tree.cumA[i] as number, -2)
      expect(built.cumB[i] as number).toBeCloseTo(tree.cumB[i] as number, -2)
    }
  })

  it('reads one side, which has neither B nor confidence', () => {
    const columns = decodeColumns(encode(CHECKOUT, 200, 1))
    expect(columns.sides).toBe(1)
    expect(columns.flatB).toBeNull()
    expect(columns.confidence).toBeNull()
  })

  it('keeps names with newlines, emoji, markup and nothing in them', () => {
    const names = ['two\nlines', '👩‍🚀', '<script>', '', '\u202eevil', 'é'.repeat(300)]
    const columns = decodeColumns(
      encode({ name: 'x', layers: [{ module: '', kind: 'native', names }] }, 7),
    )
    const read = Array.from({ length: columns.functions.count }, (_, i) =>
      columns.functions.name(i),
    )
    expect(new Set(read)).toEqual(new Set(['total', ...names]))
  })

  it('reads a tree of one frame and a tree of none', () => {
    expect(decodeColumns(encode(CHECKOUT, 1)).nodes).toBe(1)
    const empty = encodeColumns(
      {
        functions: [],
        parent: new Int32Array(),
        fn: new Uint32Array(),
        childCount: new Uint32Array(),
        flatA: new Float64Array(),
        flatB: new Float64Array(),
        cumA: new Float64Array(),
        cumB: new Float64Array(),
      },
      HEADER,
    )
    expect(decodeColumns(empty.buffer).nodes).toBe(0)
    expect(buildTree(decodeColumns(empty.buffer)).nodes).toBe(0)
  })

  it('refuses every length but the right one', () => {
    const bytes = encode(CHECKOUT, 60)
    for (let length = 0; length < bytes.byteLength; length += 7)
      expect(() => decodeColumns(bytes.slice(0, length))).toThrow(ColumnsError)
    const longer = new Uint8Array(bytes.byteLength + 8)
    longer.set(new Uint8Array(bytes))
    expect(() => decodeColumns(longer.buffer)).toThrow('expected')
  })

  it('refuses another magic, no side at all and three sides', () => {
    const bytes = encode(CHECKOUT, 60)
    expect(() => decodeColumns(withWord(bytes, 0, 1))).toThrow('FWC1')
    for (const sides of [0, 3])
      expect(() => decodeColumns(withWord(bytes, 4, sides))).toThrow('sides')
    expect(() => decodeColumns(withWord(bytes, 4, 1))).toThrow(ColumnsError)
  })

  it('refuses counts that would reach beyond the bytes', () => {
    const bytes = encode(CHECKOUT, 60)
    for (const at of [8, 12, 16, 20])
      expect(() => decodeColumns(withWord(bytes, at, 0xffffffff))).toThrow(ColumnsError)
  })

  it('refuses children that are too many, too few, or come before their parent', () => {
    const bytes = encode(CHECKOUT, 60)
    const at = sectionOf(bytes, 'childCount')
    const count = new DataView(bytes).getUint32(at, true)
    expect(() => decodeColumns(withWord(bytes, at, count + 1))).toThrow('children')
    expect(() => decodeColumns(withWord(bytes, at, 0))).toThrow('no parent')
    expect(() => decodeColumns(withWord(bytes, at, 0xffffffff))).toThrow('children')
  })

  it('refuses a function, a name end or a value out of range', () => {
    const bytes = encode(CHECKOUT, 60)
    expect(() => decodeColumns(withWord(bytes, sectionOf(bytes, 'fn'), 9999))).toThrow('function')
    expect(() => decodeColumns(withWord(bytes, sectionOf(bytes, 'nameEnd'), 99999))).toThrow(
      'names',
    )
    for (const value of [-1, Number.NaN, Infinity, -Infinity]) {
      const copy = bytes.slice(0)
      new DataView(copy).setFloat64(sectionOf(bytes, 'flatA'), value, true)
      expect(() => decodeColumns(copy)).toThrow('not a finite number')
    }
  })

  it('refuses a header that is no JSON or lacks a part', () => {
    const bytes = encode(CHECKOUT, 60)
    const copy = bytes.slice(0)
    new Uint8Array(copy)[24] = 0
    expect(() => decodeColumns(copy)).toThrow('header')
    const without = bytes.slice(0)
    const text = new TextEncoder().encode('{"xype"')
    new Uint8Array(without).set(text, 24)
    expect(() => decodeColumns(without)).toThrow('header')
  })
})
