import type { ProfileLimits } from '../limits.ts'
import type { CellTable } from './cells.ts'
import type { Spans } from './layout.ts'
import type { LocationTable } from './locations.ts'
import { BYTES, type Reader, VARINT } from './reader.ts'
import type { SeriesInterner } from './series-interner.ts'
import type { StackInterner } from './stack-interner.ts'

type Tables = {
  readonly locations: LocationTable
  readonly stacks: StackInterner
  readonly series: SeriesInterner
  readonly cells: CellTable
}

/** Adds every sample to its cell: the sum of its series and stack. */
export function readSamples(
  reader: Reader,
  spans: Spans,
  tables: Tables,
  types: number,
  limits: ProfileLimits,
): void {
  const { locations, stacks, series, cells } = tables
  // A location stands for one frame at least: deeper ones are checked and not kept. One more than
  // the depth, so that the cut shows.
  const stack = new Uint32Array(limits.depth + 1)
  const values = new Uint32Array(types * 2)
  for (let i = 0; i < spans.count; i++) {
    reader.enter('sample', i, spans.starts[i] as number, spans.ends[i] as number)
    let depth = 0
    let valueCount = 0
    series.clear()
    while (reader.next()) {
      if (reader.field === 1) depth = readLocationIds(reader, locations, stack, depth)
      else if (reader.field === 2) valueCount = readValues(reader, values, valueCount)
      else if (reader.field === 3) series.readLabel()
      else reader.skip()
    }
    if (valueCount !== types)
      reader.fail(`it has ${valueCount} values, the profile ${types} sample types`)
    cells.add(series.intern(), stacks.intern(stack, depth), values)
  }
}

function readLocationIds(
  reader: Reader,
  locations: LocationTable,
  stack: Uint32Array,
  depth: number,
): number {
  const { end } = reader
  enterNumbers(reader, 'location_id')
  let at = depth
  while (reader.pos < reader.end) {
    reader.readVarint()
    const index = locations.ids.find(reader)
    if (index < 0) reader.fail(`location ${reader.shown()} is not in the profile`)
    if (at < stack.length) stack[at++] = index
    if (reader.wireType !== BYTES) break
  }
  reader.end = end
  return at
}

// Values beyond the sample types are counted and not kept.
function readValues(reader: Reader, values: Uint32Array, count: number): number {
  const { end } = reader
  enterNumbers(reader, 'value')
  let at = count
  while (reader.pos < reader.end) {
    reader.readVarint()
    if (at * 2 < values.length) {
      values[at * 2] = reader.lo
      values[at * 2 + 1] = reader.hi
    }
    at++
    if (reader.wireType !== BYTES) break
  }
  reader.end = end
  return at
}

// Repeated numbers come packed into one field or one by one.
function enterNumbers(reader: Reader, name: string): void {
  if (reader.wireType === BYTES) reader.end = reader.readBytesEnd(name)
  else if (reader.wireType !== VARINT) reader.failType(name)
  else if (reader.pos >= reader.end) reader.fail('it ends inside a number')
}
