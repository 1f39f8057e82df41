import { type Labels, RESERVED_LABELS } from '../infra/contract/labels.ts'
import type { SampleLabels } from './pprof/profile.ts'

/** Labels as an object; of a name that occurs twice the first value is kept. */
export function labelsOf(pairs: SampleLabels): Labels {
  return Object.fromEntries(pairs.toReversed())
}

/**
 * Labels of a foreign program's samples as names a series may have, the way Prometheus does it:
 * other characters become `_`, and a reserved name is put out of the way.
 */
export function importLabels(pairs: SampleLabels): Labels {
  return labelsOf(pairs.map(([name, value]) => [importName(name), cleanValue(value)]))
}

function importName(name: string): string {
  const legal = name.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=\d|$)/, '_')
  return RESERVED_LABELS.has(legal) ? `exported_${legal}` : legal
}

// A program's own labels are no reason to refuse its profile; line breaks in them are usual.
function cleanValue(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  return value.replace(/[\u0000-\u001f\u007f]/g, ' ')
}
