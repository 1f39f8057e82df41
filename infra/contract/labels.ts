// A series is one set of labels. `tenant` never travels inside a profile: the door a batch comes
// through decides it. Prometheus' names and rules: https://prometheus.io/docs/concepts/data_model/

export type Labels = Readonly<Record<string, string>>

export const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/

export const LABEL_LIMITS = {
  perSeries: 30,
  nameBytes: 1024,
  valueBytes: 2048,
} as const

// Labels every series has; the rest is free (container, pod, namespace, unit, comm, …).
const REQUIRED_LABELS = ['service', 'version', 'host'] as const

// Names a foreign client may not set.
export const RESERVED_LABELS: ReadonlySet<string> = new Set(['tenant'])

export const DEFAULT_TENANT = 'default'

export type LabelFault = { readonly kind: 'fault'; readonly reason: string }

// C0 control characters and DEL have no business in a label: they break terminals and logs.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/

/** Says why `labels` cannot name a series, or null when they can. */
export function findLabelFault(labels: Labels): LabelFault | null {
  const names = Object.keys(labels)
  if (names.length > LABEL_LIMITS.perSeries)
    return fault(`${names.length} labels, at most ${LABEL_LIMITS.perSeries} are allowed`)
  for (const name of names) {
    if (name.length > LABEL_LIMITS.nameBytes)
      return fault(`a label name of ${name.length} characters, at most ${LABEL_LIMITS.nameBytes}`)
    if (!LABEL_NAME.test(name))
      return fault(`label name ${JSON.stringify(name)} does not match ${LABEL_NAME.source}`)
    if (RESERVED_LABELS.has(name)) return fault(`label name "${name}" is reserved`)
    const value = labels[name] ?? ''
    if (Buffer.byteLength(value) > LABEL_LIMITS.valueBytes)
      return fault(`the value of label "${name}" is longer than ${LABEL_LIMITS.valueBytes} bytes`)
    if (CONTROL.test(value)) return fault(`the value of label "${name}" has control characters`)
  }
  for (const name of REQUIRED_LABELS)
    if (!labels[name]) return fault(`label "${name}" is missing or empty`)
  return null
}

function fault(reason: string): LabelFault {
  return { kind: 'fault', reason }
}
