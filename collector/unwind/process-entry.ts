import {
  MAPPING,
  MOST_MAPPINGS,
  PROCESS,
  TABLE_FRAME_POINTERS,
  TABLE_UNKNOWN,
} from '../kernel/unwind-layout.ts'
import type { Mapping } from '../process/mappings.ts'
import { biasOf, type TableFile } from './file-tables.ts'

/** An executable mapping as the walk sees it. */
export type CodeRange = {
  readonly start: number
  readonly end: number
  /** Null for code without a file (JIT). */
  readonly code: { readonly file: TableFile | null; readonly bias: number } | null
}

export type CodeRanges = {
  readonly list: readonly CodeRange[]
  /** Mappings there was no room for. */
  readonly left: number
}

/** What an entry has room for, sorted: neighbours without a file as one, the largest where there are more. */
export function codeRanges(
  mappings: readonly Mapping[],
  fileOf: (mapping: Mapping) => TableFile | null,
): CodeRanges {
  const ranges = mappings.map((mapping) => rangeOf(mapping, fileOf))
  let list = merge(ranges, (a, b) => a.end === b.start)
  // A gap between two that are JIT's code is JIT's too, if anybody's.
  if (list.length > MOST_MAPPINGS) list = merge(list, () => true)
  const left = Math.max(0, list.length - MOST_MAPPINGS)
  if (left > 0)
    list = list
      .toSorted((a, b) => b.end - b.start - (a.end - a.start))
      .slice(0, MOST_MAPPINGS)
      .sort((a, b) => a.start - b.start)
  return { list, left }
}

function rangeOf(mapping: Mapping, fileOf: (mapping: Mapping) => TableFile | null): CodeRange {
  const { kind, start, end } = mapping
  if (kind === 'anonymous') return { start, end, code: null }
  const file = fileOf(mapping)
  const bias = file === null ? null : biasOf(file, mapping)
  return { start, end, code: bias === null ? { file: null, bias: 0 } : { file, bias } }
}

function merge(
  ranges: readonly CodeRange[],
  isNeighbour: (a: CodeRange, b: CodeRange) => boolean,
): CodeRange[] {
  const merged: CodeRange[] = []
  for (const range of ranges) {
    const last = merged.at(-1)
    if (last && last.code === null && range.code === null && isNeighbour(last, range))
      merged[merged.length - 1] = { ...last, end: range.end }
    else merged.push(range)
  }
  return merged
}

/** A struct unwind_process. */
export function encodeEntry({ list }: CodeRanges, isQuiet: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(PROCESS.bytes))
  view.setUint32(PROCESS.mappingsUsed, list.length, true)
  view.setUint32(PROCESS.quiet, isQuiet ? 1 : 0, true)
  list.forEach(({ start, end, code }, i) => {
    const at = PROCESS.mappings + i * MAPPING.bytes
    const table = code?.file?.table ?? null
    view.setBigUint64(at + MAPPING.start, BigInt(start), true)
    view.setBigUint64(at + MAPPING.end, BigInt(end), true)
    view.setBigInt64(at + MAPPING.bias, BigInt(code?.bias ?? 0), true)
    const id = code === null ? TABLE_FRAME_POINTERS : (table?.id ?? TABLE_UNKNOWN)
    view.setUint32(at + MAPPING.table, id, true)
    view.setUint32(at + MAPPING.rows, table?.rows ?? 0, true)
    view.setUint32(at + MAPPING.page0, table?.page0 ?? 0, true)
    view.setUint32(at + MAPPING.pages, table?.pages ?? 0, true)
  })
  return new Uint8Array(view.buffer)
}
