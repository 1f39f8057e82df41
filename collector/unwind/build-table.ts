import { type ByteSource, readExactly } from '../symbolize/byte-source.ts'
import { type Elf, PT_LOAD } from '../symbolize/elf.ts'
import { encodeRule, NO_RULE, SIGNAL_RULE, stubRule } from './encode-row.ts'
import { cutAtTerminator, FrameEntries, type FrameEntry } from './frame-entries.ts'
import { FrameProgram } from './frame-program.ts'
import { findFrameSection } from './frame-section.ts'
import { registersOf } from './frame-state.ts'
import { pltStubs } from './plt-stubs.ts'
import { TableBuilder, type UnwindTable } from './table-builder.ts'

// Makes an unwind table of a file's .eh_frame. Files are hostile: work and memory are linear in the
// section's size, which is bounded, and so is the table.

export type BuiltTable = UnwindTable & {
  readonly kind: 'table'
  readonly functions: number
  /** Functions that are missing or cut short, because what is said of them is not understood. */
  readonly unsupported: number
}

export type TableFault = {
  readonly kind: 'fault'
  /** `too_large`: it has rows, but too many. */
  readonly reason: 'processor' | 'no_rows' | 'too_large' | 'damaged'
}

export type BuildOptions = {
  /** Of the table. */
  readonly maxBytes: number
  /** Called often; what it answers is awaited, so that others have their turn. */
  readonly pause: () => Promise<unknown> | undefined
}

/** Addresses in tables are relative to this, the lowest one the file is mapped at. */
export function baseOf(elf: Elf): number {
  const vaddrs = elf.segments.filter(({ type }) => type === PT_LOAD).map(({ vaddr }) => vaddr)
  const lowest = vaddrs.length === 0 ? 0 : Math.min(...vaddrs)
  return lowest - (lowest % 4096)
}

// Some 20 µs.
const FUNCTIONS_AT_ONCE = 64

/** `source` is not read any more when the promise is there. */
export async function buildTable(
  source: ByteSource,
  elf: Elf,
  { maxBytes, pause }: BuildOptions,
): Promise<BuiltTable | TableFault> {
  const registers = registersOf(elf.machine)
  if (registers === null) return fault('processor')
  const section = findFrameSection(source, elf)
  if (section === null) return fault('no_rows')
  // Tables are 0.8 (Node) to 1.4 times (bash) as large as what they are made of.
  if (section.sizeBytes > 1.5 * maxBytes) return fault('too_large')
  const read = readExactly(source, section.offset, section.sizeBytes)
  if (read === null) return fault('damaged')
  const bytes = section.isOpen ? cutAtTerminator(read) : read
  const place = { vaddr: section.vaddr, base: baseOf(elf) }
  const entries = new FrameEntries(bytes, place, registers)
  if (entries.count === 0) return fault('no_rows')
  const stubs = pltStubs(elf, place.base)
  const start = Math.min(entries.start, ...stubs.map((stub) => stub.start))
  const end = Math.max(entries.end, ...stubs.map((stub) => stub.end))
  const builder = new TableBuilder(start, end, bytes.length / 6)
  const program = new FrameProgram(bytes, place, registers, (from, to) =>
    builder.addRow(from, to, encodeRule(elf.machine, program.state)),
  )
  let unsupported = entries.unsupported
  for (let i = 0; i < entries.count; i++) {
    const entry = entries.get(i)
    addStubs(entry.start)
    if (!addFunction(entry)) unsupported++
    if (i % FUNCTIONS_AT_ONCE > 0) continue
    if (builder.bytes > maxBytes) return fault('too_large')
    const turn = pause()
    if (turn) await turn
  }
  addStubs(Number.POSITIVE_INFINITY)
  if (builder.bytes > maxBytes) return fault('too_large')
  return { kind: 'table', ...builder.finish(), functions: entries.count, unsupported }

  function addStubs(before: number): void {
    for (let stub = stubs[0]; stub && stub.start < before; stub = stubs[0]) {
      builder.beginFunction(stub.start)
      builder.addRow(stub.start, stub.end, stubRule(elf.machine))
      stubs.shift()
    }
  }

  function addFunction(entry: FrameEntry): boolean {
    builder.beginFunction(entry.start)
    if (entry.cie.isSignalFrame) {
      builder.addRow(entry.start, entry.end, SIGNAL_RULE)
      return true
    }
    const isUnderstood = program.run(entry)
    if (!isUnderstood) builder.addRow(program.pc, entry.end, NO_RULE)
    return isUnderstood
  }
}

function fault(reason: TableFault['reason']): TableFault {
  return { kind: 'fault', reason }
}
