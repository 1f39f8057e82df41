import type { ColumnsHeader } from '../../query/api.ts'
import type { Functions } from './functions.ts'

// Decodes `format=columns` (the layout stands at the end of query/api.ts). The bytes come over a
// network: every length, index and value is checked before a view on them is used.

export type Columns = {
  readonly header: ColumnsHeader
  readonly sides: 1 | 2
  readonly nodes: number
  readonly flatA: Float64Array
  /** Null with one side. */
  readonly flatB: Float64Array | null
  /** Index into `functions`, per node. */
  readonly fn: Uint32Array
  readonly childCount: Uint32Array
  /** 0..255; null with one side. */
  readonly confidence: Uint8Array | null
  readonly functions: Functions
}

export class ColumnsError extends Error {
  override readonly name = 'ColumnsError'
}

const MAGIC = 0x31435746
const FIXED_BYTES = 24

/** Throws ColumnsError when `bytes` is not one whole, consistent set of columns. */
export function decodeColumns(bytes: ArrayBuffer): Columns {
  if (bytes.byteLength < FIXED_BYTES) throw bad(`${bytes.byteLength} bytes are too few`)
  const head = new DataView(bytes)
  if (head.getUint32(0, true) !== MAGIC) throw bad('the first four bytes are not FWC1')
  const sides = head.getUint32(4, true)
  if (sides !== 1 && sides !== 2) throw bad(`expected 1 or 2 sides, got ${sides}`)
  const n = head.getUint32(8, true)
  const m = head.getUint32(12, true)
  const sections = layOut(sides, n, m, head.getUint32(16, true), head.getUint32(20, true))
  if (sections.end !== bytes.byteLength)
    throw bad(`expected ${sections.end} bytes for ${n} frames, got ${bytes.byteLength}`)

  const header = readHeader(new Uint8Array(bytes, sections.header, head.getUint32(16, true)), sides)
  const fn = new Uint32Array(bytes, sections.fn, n)
  const childCount = new Uint32Array(bytes, sections.childCount, n)
  const flatA = new Float64Array(bytes, sections.flatA, n)
  const flatB = sides === 2 ? new Float64Array(bytes, sections.flatB, n) : null
  checkIndices(fn, m, 'function')
  checkStructure(childCount)
  checkValues(flatA)
  if (flatB) checkValues(flatB)
  return {
    header,
    sides,
    nodes: n,
    flatA,
    flatB,
    fn,
    childCount,
    confidence: sides === 2 ? new Uint8Array(bytes, sections.confidence, n) : null,
    functions: readFunctions(bytes, sections, m, header),
  }
}

type Sections = ReturnType<typeof layOut>

// Counts come from the wire as u32, so sums stay below 2^53 and cannot wrap.
function layOut(sides: 1 | 2, n: number, m: number, headerBytes: number, namesBytes: number) {
  let at = FIXED_BYTES
  const take = (size: number): number => {
    const start = at
    at += Math.ceil(size / 8) * 8
    return start
  }
  const header = take(headerBytes)
  const flatA = take(8 * n)
  const flatB = sides === 2 ? take(8 * n) : at
  const fn = take(4 * n)
  const childCount = take(4 * n)
  const confidence = sides === 2 ? take(n) : at
  const id = take(8 * m)
  const nameEnd = take(4 * m)
  const fileIndex = take(4 * m)
  const moduleIndex = take(4 * m)
  const names = take(namesBytes)
  const end = at
  return {
    header,
    flatA,
    flatB,
    fn,
    childCount,
    confidence,
    id,
    nameEnd,
    fileIndex,
    moduleIndex,
    names,
    namesBytes,
    end,
  }
}

function readHeader(bytes: Uint8Array, sides: 1 | 2): ColumnsHeader {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw bad(`the header is no JSON: ${cause instanceof Error ? cause.message : cause}`)
  }
  if (!isHeader(header)) throw bad('the header lacks type, unit, side or names')
  if (sides === 2 && header.b === undefined) throw bad('a comparison without side B')
  return header
}

function isHeader(value: unknown): value is ColumnsHeader {
  if (typeof value !== 'object' || value === null) return false
  const h = value as Partial<Record<keyof ColumnsHeader, unknown>>
  const texts = (list: unknown): boolean =>
    Array.isArray(list) && list.every((item) => typeof item === 'string')
  return (
    typeof h.type === 'string' &&
    typeof h.unit === 'string' &&
    isSide(h.a) &&
    (h.b === undefined || isSide(h.b)) &&
    texts(h.files) &&
    texts(h.modules) &&
    texts(h.kinds) &&
    (h.modules as unknown[]).length === (h.kinds as unknown[]).length
  )
}

function isSide(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const side = value as Record<string, unknown>
  return (
    (typeof side['total'] === 'number' || typeof side['total'] === 'string') &&
    Number(side['total']) >= 0
  )
}

function checkIndices(values: Uint32Array, limit: number, what: string): void {
  for (let i = 0; i < values.length; i++)
    if ((values[i] as number) >= limit)
      throw bad(`${what} ${values[i]} at ${i}, there are ${limit}`)
}

// Breadth first, children of node i follow those of i - 1: every node but the first must be claimed
// by an earlier one, and all of them exactly once.
function checkStructure(childCount: Uint32Array): void {
  const n = childCount.length
  let next = 1
  for (let i = 0; i < n; i++) {
    if (i >= next) throw bad(`frame ${i} has no parent`)
    next += childCount[i] as number
  }
  if (n > 0 && next !== n) throw bad(`the children add up to ${next - 1}, expected ${n - 1}`)
}

function checkValues(values: Float64Array): void {
  // One comparison refuses negative values, NaN and Infinity.
  for (let i = 0; i < values.length; i++)
    if (!((values[i] as number) >= 0 && (values[i] as number) < Infinity))
      throw bad(`value ${values[i]} of frame ${i} is not a finite number >= 0`)
}

function readFunctions(
  bytes: ArrayBuffer,
  at: Sections,
  m: number,
  header: ColumnsHeader,
): Functions {
  const ids = new DataView(bytes, at.id, 8 * m)
  const nameEnd = new Uint32Array(bytes, at.nameEnd, m)
  const fileIndex = new Uint32Array(bytes, at.fileIndex, m)
  const moduleIndex = new Uint32Array(bytes, at.moduleIndex, m)
  const names = new Uint8Array(bytes, at.names, at.namesBytes)
  checkIndices(fileIndex, header.files.length, 'file')
  checkIndices(moduleIndex, header.modules.length, 'module')
  let end = 0
  for (const next of nameEnd) {
    if (next < end) throw bad('the ends of names go backwards')
    end = next
  }
  if (end !== at.namesBytes) throw bad(`names end at ${end}, expected ${at.namesBytes}`)

  const cache: (string | undefined)[] = new Array(m)
  const text = new TextDecoder()
  return {
    count: m,
    name(index) {
      const known = cache[index]
      if (known !== undefined) return known
      const start = index === 0 ? 0 : (nameEnd[index - 1] ?? 0)
      const name = text.decode(names.subarray(start, nameEnd[index] ?? start))
      cache[index] = name
      return name
    },
    file: (index) => header.files[fileIndex[index] ?? -1] ?? '',
    module: (index) => header.modules[moduleIndex[index] ?? -1] ?? '',
    kind: (index) => header.kinds[moduleIndex[index] ?? -1] ?? '',
    id: (index) => (index < m ? ids.getBigUint64(8 * index, true).toString() : ''),
  }
}

function bad(fact: string): ColumnsError {
  return new ColumnsError(`The graph the server sent cannot be read: ${fact}.`)
}
