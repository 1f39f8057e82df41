import { expect, test } from 'vitest'
import {
  CFA,
  FP,
  LINE_VALUES,
  MAPPING,
  MOST_MAPPINGS,
  MOST_PROCESSES,
  MOST_TABLES,
  PAGE,
  PAGE_SHIFT,
  PROCESS,
  PROCESS_KEY,
  ROW,
  TABLE_FRAME_POINTERS,
  TABLE_MAP_FLAGS,
  TABLE_UNKNOWN,
  UNWIND_ENDS,
} from '../../collector/kernel/unwind-layout.ts'
import { evaluate, snake } from './c-header.ts'
import { temporaryDirectory } from './programs.ts'

const directory = temporaryDirectory()
const STRUCTS = {
  unwind_row: ROW,
  unwind_page: PAGE,
  unwind_mapping: MAPPING,
  unwind_process: PROCESS,
  unwind_key: PROCESS_KEY,
}

test('tables and process entries are laid out as the program reads them', () => {
  const expected: [expression: string, value: number][] = [
    ['UNWIND_TABLES', MOST_TABLES],
    ['UNWIND_PROCESSES', MOST_PROCESSES],
    ['UNWIND_MAPPINGS', MOST_MAPPINGS],
    ['UNWIND_PAGE_SHIFT', PAGE_SHIFT],
    ['UNWIND_LINE', LINE_VALUES],
    ['sizeof(struct unwind_line)', LINE_VALUES * 8],
    ['UNWIND_TABLE_UNKNOWN', TABLE_UNKNOWN],
    ['UNWIND_TABLE_FRAME_POINTERS', TABLE_FRAME_POINTERS],
    ['UNWIND_TABLE_FLAGS', TABLE_MAP_FLAGS],
    ['END_KINDS', UNWIND_ENDS.length],
  ]
  for (const [struct, { bytes, ...fields }] of Object.entries(STRUCTS)) {
    expected.push([`sizeof(struct ${struct})`, bytes])
    for (const [name, offset] of Object.entries(fields))
      expected.push([`offsetof(struct ${struct}, ${snake(name)})`, offset])
  }
  for (const [name, value] of Object.entries(CFA))
    expected.push([`CFA_${snake(name).toUpperCase()}`, value])
  for (const [name, value] of Object.entries(FP))
    expected.push([`FP_${snake(name).toUpperCase()}`, value])
  for (const [value, name] of UNWIND_ENDS.entries())
    expected.push([`END_${snake(name).toUpperCase()}`, value])
  const expressions = expected.map(([expression]) => expression)
  const values = evaluate('unwind.h', expressions, directory)
  expect(expected.map(([expression], i) => [expression, values[i]])).toEqual(expected)
})
