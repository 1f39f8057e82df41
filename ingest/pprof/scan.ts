import type { ProfileLimits } from '../limits.ts'
import { CellTable } from './cells.ts'
import { PprofError, type ProfileFault } from './fault.ts'
import { FunctionInterner } from './function-interner.ts'
import { FunctionTable } from './functions.ts'
import { readLayout } from './layout.ts'
import { LocationTable } from './locations.ts'
import { MappingTable } from './mappings.ts'
import { packProfile } from './pack-profile.ts'
import type { ScannedProfile } from './profile.ts'
import { Reader } from './reader.ts'
import { readSamples } from './samples.ts'
import { Scratch } from './scratch.ts'
import { SeriesInterner } from './series-interner.ts'
import { StackInterner } from './stack-interner.ts'
import { StringTable } from './strings.ts'
import { readPeriodType, readSampleTypes } from './value-type.ts'

/**
 * Reads a plain pprof (https://github.com/google/pprof/blob/main/proto/profile.proto) into columns.
 * Refuses what `go tool pprof` or Pyroscope refuse, and what is over a limit, with the place. Who
 * scans many passes a scratch of his own.
 */
export function scanProfile(
  bytes: Uint8Array,
  limits: ProfileLimits,
  scratch: Scratch = new Scratch(),
): ScannedProfile | ProfileFault {
  try {
    return scan(bytes, limits, scratch)
  } catch (error) {
    if (error instanceof PprofError) return error.toFault()
    throw error
  }
}

function scan(bytes: Uint8Array, limits: ProfileLimits, scratch: Scratch): ScannedProfile {
  if (bytes.length === 0) throw new PprofError('malformed', 'the profile is empty')
  scratch.reset()
  const reader = new Reader(bytes)
  const layout = readLayout(reader, limits, scratch)
  const strings = new StringTable(reader, layout.strings)
  const sampleTypes = readSampleTypes(reader, layout, strings)
  const periodType = readPeriodType(reader, layout, strings)
  const mappings = new MappingTable(reader, layout.mappings, strings, scratch)
  const functions = new FunctionTable(reader, layout.functions, strings, scratch)
  const interner = new FunctionInterner(reader, layout.functions.count, limits, scratch)
  const tables = { strings, mappings, functions, interner, scratch }
  const locations = new LocationTable(reader, layout.locations, tables, limits)
  const { count } = layout.samples
  const stacks = new StackInterner(reader, count, locations, interner, limits, scratch)
  const series = new SeriesInterner(reader, strings, limits)
  const cells = new CellTable(reader, count, sampleTypes.length, limits, scratch)
  const targets = { locations, stacks, series, cells }
  readSamples(reader, layout.samples, targets, sampleTypes.length, limits)
  return packProfile({
    kind: 'profile',
    sampleTypes,
    periodType,
    period: layout.period,
    timeNs: layout.timeNs,
    durationNs: layout.durationNs,
    rows: cells.finish(series.series.length, stacks.ids),
    stacks: stacks.finish(),
    functions: interner.finish(),
    series: series.series,
    cut: { stacks: stacks.cutStacks, names: interner.cutNames },
  })
}
