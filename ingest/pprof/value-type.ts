import type { ValueType } from '../../infra/contract/profile.ts'
import type { Layout } from './layout.ts'
import type { Reader } from './reader.ts'
import type { StringTable } from './strings.ts'

/** The sample types; a name must be usable in a profile type, whose parts are split at colons. */
export function readSampleTypes(reader: Reader, layout: Layout, strings: StringTable): ValueType[] {
  const { count, starts, ends } = layout.sampleTypes
  if (count === 0 && layout.samples.count > 0) {
    reader.enter('profile', -1, 0, 0)
    reader.fail('it has samples and no sample_type')
  }
  return Array.from({ length: count }, (_, i) => {
    reader.enter('sample_type', i, starts[i] as number, ends[i] as number)
    const { type, unit } = readValueType(reader, strings)
    if (type === '') reader.fail('its type is empty')
    // The dash is Pyroscope's rule: it separates names in places its clients know.
    if (!/^[A-Za-z0-9_./ ]{1,100}$/.test(type))
      reader.fail(
        `type ${JSON.stringify(type.slice(0, 100))} has characters outside [A-Za-z0-9_./ ]`,
      )
    if (!/^[A-Za-z0-9_./ ]{0,100}$/.test(unit))
      reader.fail(
        `unit ${JSON.stringify(unit.slice(0, 100))} has characters outside [A-Za-z0-9_./ ]`,
      )
    return { type, unit: unit === '' ? 'count' : unit }
  })
}

/** The period's type; what cannot stand in a profile type is left out, since it is a remark only. */
export function readPeriodType(reader: Reader, layout: Layout, strings: StringTable): ValueType {
  reader.enter('period_type', -1, layout.periodType.start, layout.periodType.end)
  const { type, unit } = readValueType(reader, strings)
  const part = (text: string) => (/^[A-Za-z0-9_./ ]{1,100}$/.test(text) ? text : '')
  return { type: part(type), unit: part(unit) }
}

function readValueType(reader: Reader, strings: StringTable): ValueType {
  let type = 0
  let unit = 0
  while (reader.next()) {
    if (reader.field === 1) type = reader.readStringIndex('type', strings.count)
    else if (reader.field === 2) unit = reader.readStringIndex('unit', strings.count)
    else reader.skip()
  }
  return { type: strings.get(type), unit: strings.get(unit) }
}
